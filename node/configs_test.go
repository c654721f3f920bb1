package node_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	zlog "github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

// validator is every public Config.
type validator interface{ Validate() error }

// config is a public Config: zero, and one with several mistakes, of each of which the
// error says a part. use does what takes such a Config.
type config struct {
	zero, wrong validator
	use         func(t *testing.T) error
	says        []string
}

func configOf[C validator, T any](wrong C, use func(context.Context, C) (T, error), says ...string) config {
	var zero C
	return config{zero, wrong, func(t *testing.T) error { _, err := use(t.Context(), wrong); return err }, says}
}

// on makes a constructor that takes a connection one that needs none.
func on[C validator, T any](construct func(*nats.Conn, C) (T, error)) func(context.Context, C) (T, error) {
	return func(_ context.Context, c C) (T, error) { return construct(new(nats.Conn), c) }
}

var configs = map[string]config{
	"embedded":   configOf(embedded.Config{Name: "a.b", ReadyTimeout: -1}, embedded.Start, "name", "ready timeout"),
	"connect":    configOf(connect.Config{URL: "http://h", Timeout: -1}, connect.Dial, "timeout", "scheme"),
	"dispatcher": configOf(dispatcher.Config{Name: "a.b", Lease: -1}, on(dispatcher.New), "name", "lease"),
	"worker":     configOf(worker.Config{Prefix: "a..b", Grace: -1}, on(worker.New), "prefix", "grace"),
	"client":     configOf(client.Config{Prefix: "a..b", Timeout: -1}, on(client.New), "prefix", "timeout"),
	"node":       configOf(node.Config{Listen: "nowhere", Dispatcher: dispatcher.Config{Name: "a.b"}}, node.Start, "listen", "name"),
}

// TestConfigsAreAlike: zero is valid, all that is wrong is named at once, by an error
// that matches ErrInvalid, also where the Config is used, and a logger is a value.
func TestConfigsAreAlike(t *testing.T) {
	for name, tc := range configs {
		t.Run(name, func(t *testing.T) {
			if err := tc.zero.Validate(); err != nil {
				t.Errorf("zero: %v", err)
			}
			err := tc.wrong.Validate()
			for _, part := range tc.says {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in %v", part, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			for _, err := range []error{err, tc.use(t)} {
				if !errors.Is(err, ha.ErrInvalid) {
					t.Errorf("want ErrInvalid, got %v", err)
				}
			}
			if log, ok := reflect.TypeOf(tc.zero).FieldByName("Log"); ok && log.Type != reflect.TypeFor[zlog.Logger]() {
				t.Errorf("its logger is a %s", log.Type)
			}
		})
	}
}

// TestNoNegativeDefaults: a negative number or time is refused, but for the names, which
// are all -1. It finds fields that were added without a check.
func TestNoNegativeDefaults(t *testing.T) {
	for name, tc := range configs {
		t.Run(name, func(t *testing.T) {
			for _, path := range numbers(reflect.TypeOf(tc.zero), nil) {
				c := reflect.New(reflect.TypeOf(tc.zero)).Elem()
				c.FieldByIndex(path).SetInt(-2)
				field := reflect.TypeOf(tc.zero).FieldByIndex(path).Name
				changed, ok := reflect.TypeAssert[validator](c)
				if !ok {
					t.Fatalf("a %s has no Validate", c.Type())
				}
				if err := changed.Validate(); !errors.Is(err, ha.ErrInvalid) {
					t.Errorf("%s may be negative: %v", field, err)
				}
			}
		})
	}
}

// ours is the path of the module.
var ours = reflect.TypeFor[ha.Timing]().PkgPath()

// numbers lists the numbers in a struct, and in the structs in it.
func numbers(in reflect.Type, path []int) (paths [][]int) {
	for i := range in.NumField() {
		f, at := in.Field(i), slices.Concat(path, []int{i})
		switch f.Type.Kind() {
		case reflect.Int, reflect.Int32, reflect.Int64:
			paths = append(paths, at)
		case reflect.Struct:
			if strings.HasPrefix(f.Type.PkgPath(), ours) {
				paths = append(paths, numbers(f.Type, at)...)
			}
		}
	}
	return paths
}
