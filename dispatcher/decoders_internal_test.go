package dispatcher

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TestEveryRequestHasADecoder, every decoder a request, and the decoder reads what the
// table says of its fields.
func TestEveryRequestHasADecoder(t *testing.T) {
	var names []string
	for _, r := range subjects.Requests() {
		names = append(names, r.Name)
		decode := decoders[r.Name]
		if decode == nil {
			t.Errorf("there is no decoder of %s", r.Name)
			continue
		}
		for _, f := range r.Forms {
			for field, body := range wrongFields(f.Request) {
				_, err := decode(time.Now(), "9f2c", []byte(body))
				if refusal, ok := errors.AsType[*ha.Error](err); !ok || !strings.Contains(refusal.Message, field) {
					t.Errorf("%s does not look at %s: %s gives %v", r.Name, field, body, err)
				}
			}
		}
	}
	if n := len(fleetDecoders) + len(taskDecoders) + len(taskQueries) + len(clusterDecoders); n != len(decoders) {
		t.Errorf("%d decoders under %d names: one is in two lists", n, len(decoders))
	}
	if have := slices.Sorted(maps.Keys(decoders)); !slices.Equal(have, slices.Sorted(slices.Values(names))) {
		t.Errorf("decoders of %q\nrequests %q", have, names)
	}
}

// wrongFields returns, for each field of a request that is text or a list, the request
// in which it is of a type that it cannot have.
func wrongFields(of reflect.Type) map[string]string {
	if of.Kind() == reflect.Slice {
		return nil // its entries are judged one by one
	}
	bodies := map[string]string{}
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if raw := reflect.TypeFor[json.RawMessage](); f.Type != raw && (f.Type.Kind() == reflect.String || f.Type.Kind() == reflect.Slice) {
			bodies[name] = `{"` + name + `":{}}`
		}
	}
	return bodies
}
