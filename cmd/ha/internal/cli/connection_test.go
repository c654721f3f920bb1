package cli

import (
	"fmt"
	"testing"
)

// Only a server that was named on purpose keeps a dispatcher from running its own.
func TestWhoNamesAServer(t *testing.T) {
	for _, c := range []struct {
		flags Connection
		env   map[string]string
		want  bool
	}{
		{want: false},
		{env: map[string]string{"XDG_CONFIG_HOME": "/with/a/selected/context", "NATS_CREDS": "x"}, want: false},
		{flags: Connection{Creds: "x", Prefix: "p"}, want: false},
		{flags: Connection{Server: "h"}, want: true},
		{flags: Connection{Context: "c"}, want: true},
		{env: map[string]string{"NATS_URL": "h"}, want: true},
		{env: map[string]string{"NATS_CONTEXT": "c"}, want: true},
	} {
		t.Run(fmt.Sprint(c.flags), func(t *testing.T) {
			if got := (&App{Env: variables(c.env)}).NamesServer(c.flags); got != c.want {
				t.Errorf("%+v, %v: %v", c.flags, c.env, got)
			}
		})
	}
}
