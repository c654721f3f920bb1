//go:build ignore

// check_demo reads what `ha demo --json` wrote to standard output and fails
// where that is not one JSON object and nothing else, or where a worker's share
// is further from the expected one than the tolerance.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

type report struct {
	Activations uint64 `json:"activations"`
	Workers     []struct {
		ID            string  `json:"id"`
		Weight        int64   `json:"weight"`
		Activations   uint64  `json:"activations"`
		Share         float64 `json:"share"`
		ExpectedShare float64 `json:"expected_share"`
	} `json:"workers"`
}

func main() {
	tolerance := flag.Float64("tolerance", 0.01, "greatest difference of share and expected share")
	weights := flag.String("weights", "", "the weights the demo was given, separated by commas")
	flag.Parse()
	out, err := os.ReadFile(flag.Arg(0))
	if err == nil {
		err = check(out, *weights, *tolerance)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check demo:", err)
		os.Exit(1)
	}
}

func check(out []byte, weights string, tolerance float64) error {
	var r report
	decoder := json.NewDecoder(bytes.NewReader(out))
	if err := decoder.Decode(&r); err != nil {
		return fmt.Errorf("standard output does not begin with a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("standard output holds more than one JSON object")
	}
	want := map[int64]int{}
	var sum int64
	for _, text := range strings.Split(weights, ",") {
		w, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		want[w]++
		sum += w
	}
	var counted uint64
	var problems []error
	for _, w := range r.Workers {
		want[w.Weight]--
		counted += w.Activations
		expected := float64(w.Weight) / float64(sum)
		share := float64(w.Activations) / float64(max(r.Activations, 1))
		fmt.Printf("weight %2d  %5d activations  share %.4f  expected %.4f\n", w.Weight, w.Activations, w.Share, w.ExpectedShare)
		if math.Abs(w.ExpectedShare-expected) > 1e-6 || math.Abs(w.Share-share) > 1e-6 {
			problems = append(problems, fmt.Errorf("weight %d: shares do not follow from the numbers: %.6f and %.6f", w.Weight, share, expected))
		}
		if !(math.Abs(w.Share-w.ExpectedShare) < tolerance) {
			problems = append(problems, fmt.Errorf("weight %d: share %.4f is not within %g of %.4f", w.Weight, w.Share, tolerance, w.ExpectedShare))
		}
	}
	for w, n := range want {
		if n != 0 {
			problems = append(problems, fmt.Errorf("weight %d: %d workers too few", w, n))
		}
	}
	if counted != r.Activations || counted < 100 {
		problems = append(problems, fmt.Errorf("the workers' activations add up to %d, in all it says %d; at least 100 are expected", counted, r.Activations))
	}
	return errors.Join(problems...)
}
