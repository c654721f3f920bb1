package embedded

import (
	"errors"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

func TestValidateAcceptsWhatIsAllowed(t *testing.T) {
	for name, cfg := range map[string]Config{
		"zero":           {},
		"all set":        {Name: "n-1_A", Listen: "127.0.0.1:4222", MaxPayload: MinMaxPayload, ReadyTimeout: time.Hour},
		"all interfaces": {Listen: ":0"},
		"host name":      {Listen: "localhost:65535"},
		"IPv6":           {Listen: "[::1]:4222"},
		"longest name":   {Name: strings.Repeat("n", ha.MaxToken), MaxPayload: MaxMaxPayload},
	} {
		t.Run(name, func(t *testing.T) {
			if err := cfg.Validate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestValidateNamesTheProblem(t *testing.T) {
	for want, cfg := range map[string]Config{
		`letters, digits, '_' or '-', got "a b"`:  {Name: "a b"},
		`letters, digits, '_' or '-', got "a.b"`:  {Name: "a.b"},
		`letters, digits, '_' or '-', got "\xff"`: {Name: "\xff"},
		`…`: {Name: strings.Repeat("n", 10_000)},
		`must be host:port such as 127.0.0.1:4222, got "4222"`: {Listen: "4222"},
		`port from 0 (a free one) to 65535, got "h:65536"`:     {Listen: "h:65536"},
		`port from 0 (a free one) to 65535, got "h:-1"`:        {Listen: "h:-1"},
		`port from 0 (a free one) to 65535, got "h:nats"`:      {Listen: "h:nats"},
		`from 1024 to 67108864 bytes, got 1023`:                {MaxPayload: MinMaxPayload - 1},
		`from 1024 to 67108864 bytes, got -1`:                  {MaxPayload: -1},
		`from 1024 to 67108864 bytes, got 67108865`:            {MaxPayload: MaxMaxPayload + 1},
		`to 1h, got -1ns`:             {ReadyTimeout: -1},
		`to 1h, got 1h0m0.000000001s`: {ReadyTimeout: time.Hour + 1},
	} {
		t.Run(want, func(t *testing.T) {
			err := cfg.Validate()
			if !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %s, got %v", want, err)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if _, startErr := Start(t.Context(), cfg); !errors.Is(startErr, ha.ErrInvalid) {
				t.Errorf("Start does not validate: want ha.ErrInvalid, got %v", startErr)
			}
		})
	}
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	err := Config{Name: "*", Listen: "x", MaxPayload: 1, ReadyTimeout: -1}.Validate()
	for _, part := range []string{"name must", "listen must", "max payload must", "ready timeout must"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("want %q in %v", part, err)
		}
	}
}

func TestZeroConfigIsTheDefaults(t *testing.T) {
	c := Config{ClusterListen: ":1"}.withDefaults()
	if c.MaxPayload != 8<<20 || c.ReadyTimeout != 10*time.Second || c.ClusterName != "ha" {
		t.Errorf("got %+v", c)
	}
	if c := (Config{}).withDefaults(); c.ClusterName != "" {
		t.Errorf("a server by itself is of the cluster %q", c.ClusterName)
	}
}
