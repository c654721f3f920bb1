package subjects

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
)

// The row of this request in the table.
var progressRequests = []Request{
	{Name: "progress", Topic: TopicProgress, PerWorker: true, Forms: forms(form[ProgressReport, OK]()), From: forWorkers},
}

// MaxProgressText is the length in bytes to which the text of a progress is cut.
const MaxProgressText = 256

// ProgressReport is what a worker says of how far one of its activations is.
type ProgressReport struct {
	Activation ha.ActivationID `json:"activation"`
	Percent    float64         `json:"percent"`
	Text       string          `json:"text,omitempty"`
}

// DecodeProgress decodes what a worker says of an activation. The error is an [*ha.Error].
func DecodeProgress(body []byte) (ProgressReport, error) {
	var p ProgressReport
	if err := decode(body, &p); err != nil {
		return p, err
	}
	if !ha.ValidToken(string(p.Activation)) {
		return p, badToken("activation", string(p.Activation))
	}
	if p.Percent < 0 || p.Percent > 100 {
		return p, ha.Invalid("invalid_percent", "percent must be from 0 to 100, got %g", p.Percent)
	}
	p.Text = text.Cut(p.Text, MaxProgressText)
	return p, nil
}
