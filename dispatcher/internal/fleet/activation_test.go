package fleet

import (
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

func TestActivationIDs(t *testing.T) {
	for _, a := range []record.Run{{Number: 1, Epoch: 1}, {Number: 42, Epoch: 7}, {Number: 1<<64 - 1, Epoch: 1<<64 - 1}, {Number: 9, Epoch: 123456789012}} {
		if back, ok := parseActivationID(ActivationID(a)); !ok || back != a {
			t.Errorf("%+v becomes %s becomes %+v, %v", a, ActivationID(a), back, ok)
		}
	}
	for _, id := range []ha.ActivationID{"", "a", "a-", "a1", "a1-", "b1-1", "1-1", "a01-1", "a1-01", "A1-1", "aZ-1", "a1-1-1", "a1--1", "a+1-1", "a1-1 "} {
		if a, ok := parseActivationID(id); ok {
			t.Errorf("%q is taken for %+v", id, a)
		}
	}
}
