package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
)

// Weight is the value of --weight.
type Weight ha.Weight

// Weights is the value of --weights: a list whose first Set replaces the
// default, and whose later ones append to it, as pflag's own lists do.
type Weights struct {
	Weights []ha.Weight
	changed bool
}

var (
	_ pflag.Value = (*Weight)(nil)
	_ pflag.Value = (*Weights)(nil)
)

// Type names the sort of value in the help.
func (v *Weight) Type() string { return "weight" }

// String returns the weight.
func (v *Weight) String() string { return strconv.FormatInt(int64(*v), 10) }

// Set accepts a valid weight. The error says what it must be.
func (v *Weight) Set(s string) error {
	w, err := parseWeight(s)
	*v = Weight(w)
	return err
}

// Type names the sort of value in the help.
func (v *Weights) Type() string { return "weights" }

// String returns the weights with commas between them.
func (v *Weights) String() string {
	parts := make([]string, len(v.Weights))
	for i, w := range v.Weights {
		parts[i] = strconv.FormatInt(int64(w), 10)
	}
	return strings.Join(parts, ",")
}

// Set accepts valid weights with commas between them. The error says what each must be.
func (v *Weights) Set(s string) error {
	if !v.changed {
		v.Weights, v.changed = nil, true
	}
	for part := range strings.SplitSeq(s, ",") {
		w, err := parseWeight(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		v.Weights = append(v.Weights, w)
	}
	return nil
}

func parseWeight(s string) (ha.Weight, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if w := ha.Weight(n); err == nil && w.Validate() == nil {
		return w, nil
	}
	return 0, fmt.Errorf("must be a whole number from %d to %d", ha.MinWeight, ha.MaxWeight)
}
