package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
)

// weightValue is the value of --weight.
type weightValue ha.Weight

// weightsValue is the value of --weights: a list whose first Set replaces the
// default, and whose later ones append to it, as pflag's own lists do.
type weightsValue struct {
	weights []ha.Weight
	changed bool
}

var (
	_ pflag.Value = (*weightValue)(nil)
	_ pflag.Value = (*weightsValue)(nil)
)

func (v *weightValue) Type() string { return "weight" }

func (v *weightValue) String() string { return strconv.FormatInt(int64(*v), 10) }

func (v *weightValue) Set(s string) error {
	w, err := parseWeight(s)
	*v = weightValue(w)
	return err
}

func (v *weightsValue) Type() string { return "weights" }

func (v *weightsValue) String() string {
	parts := make([]string, len(v.weights))
	for i, w := range v.weights {
		parts[i] = strconv.FormatInt(int64(w), 10)
	}
	return strings.Join(parts, ",")
}

func (v *weightsValue) Set(s string) error {
	if !v.changed {
		v.weights, v.changed = nil, true
	}
	for part := range strings.SplitSeq(s, ",") {
		w, err := parseWeight(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		v.weights = append(v.weights, w)
	}
	return nil
}

func parseWeight(s string) (ha.Weight, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if w := ha.Weight(n); err == nil && w.Validate() == nil {
		return w, nil
	}
	return 0, fmt.Errorf("weight must be a whole number from %d to %d, got %q", ha.MinWeight, ha.MaxWeight, s)
}
