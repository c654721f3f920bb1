package main

import (
	"bytes"
	"testing"
)

func TestBadSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-every", "0s"}, {"-every", "2s"}, {"-slack", "0.5"}, {"more"}} {
		var out, progress bytes.Buffer
		if err := new(options).program().Run(t.Context(), args, &out, &progress); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
