package main

import (
	"testing"
)

// Only a server that was named on purpose keeps a dispatcher from running its own.
func TestWhoNamesAServer(t *testing.T) {
	for _, c := range []struct {
		flags connectionFlags
		env   map[string]string
		want  bool
	}{
		{want: false},
		{env: map[string]string{"XDG_CONFIG_HOME": "/with/a/selected/context", "NATS_CREDS": "x"}, want: false},
		{flags: connectionFlags{creds: "x", prefix: "p"}, want: false},
		{flags: connectionFlags{server: "h"}, want: true},
		{flags: connectionFlags{context: "c"}, want: true},
		{env: map[string]string{"NATS_URL": "h"}, want: true},
		{env: map[string]string{"NATS_CONTEXT": "c"}, want: true},
	} {
		if got := (&app{env: only(c.env)}).namesServer(c.flags); got != c.want {
			t.Errorf("%+v, %v: %v", c.flags, c.env, got)
		}
	}
}
