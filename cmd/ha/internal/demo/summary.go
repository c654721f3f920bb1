package demo

import (
	"fmt"
	"io"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// Summary is what "ha demo --json" prints.
type Summary struct {
	Activations uint64          `json:"activations"`
	Workers     []workerSummary `json:"workers"`
}

type workerSummary struct {
	ID            ha.WorkerID `json:"id"`
	Weight        ha.Weight   `json:"weight"`
	Activations   uint64      `json:"activations"`
	Share         float64     `json:"share"`
	ExpectedShare float64     `json:"expected_share"`
}

// Summarize returns what --json prints of the list of workers.
func Summarize(list subjects.Workers) Summary {
	s := Summary{Workers: make([]workerSummary, 0, len(list.Workers))}
	for _, w := range list.Workers {
		s.Activations += w.Activations
		s.Workers = append(s.Workers, workerSummary{
			ID: w.ID, Weight: w.Weight, Activations: w.Activations, Share: w.Share, ExpectedShare: w.ExpectedShare,
		})
	}
	return s
}

// writeIntroduction says how to look at the demo from another terminal.
func writeIntroduction(w io.Writer, url string) error {
	_, err := fmt.Fprintf(w, `Watch it from another terminal:

  nats sub 'ha.>' --server %[1]s
  nats req ha.workers '{}' --server %[1]s
  ha workers --server %[1]s

`, url)
	return err
}

func writeActivation(w io.Writer, e subjects.Event) error {
	_, err := fmt.Fprintln(w, text.Escape(fmt.Sprintf("%s  %-10s  worker %s  weight %-7d  activation %s",
		e.At.Local().Format("15:04:05.000"), e.Name, e.Worker, e.Weight, e.Activation)))
	return err
}

func writeProgress(w io.Writer, list subjects.Workers, ran time.Duration) error {
	_, err := fmt.Fprintf(w, "\nAfter %s, %d activations:\n\n", ran.Round(time.Second), Summarize(list).Activations)
	if err != nil {
		return err
	}
	if err := render.Shares(w, list); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}
