package worker

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// progressEvery is the least time between two reports on one task.
const progressEvery = 100 * time.Millisecond

// SetProgress says how far the task is whose handler was given ctx, or a context
// derived from it: percent from 0 to 100, to which it is cut (NaN counts as 0), and
// a note for people, of which the first [subjects.MaxProgressText] bytes are sent.
//
// It may be called as often as is convenient, and concurrently: at most one report
// each 100 ms goes out for a task, with what was said last, and what is left goes
// out when the handler returns. Reports are for watching, and one may be lost.
// Outside of a task's handler, and after it has returned, SetProgress does nothing.
func SetProgress(ctx context.Context, percent float64, note string) {
	c, ok := ctx.Value(contextKey{}).(*runContext)
	if !ok || c.task == nil {
		return
	}
	if p := c.reports(); p != nil {
		p.set(percent, note)
	}
}

// reports returns the progress of a task, nil where its handler has returned.
func (c *runContext) reports() *progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	if c.progress == nil {
		tell, worker := c.tell, c.activation.Worker
		c.progress = &progress{
			newest: subjects.ProgressReport{Activation: c.activation.ID},
			send:   func(r subjects.ProgressReport) { tell(worker, r) },
		}
	}
	return c.progress
}

// progress holds back the reports on one task that come too fast.
type progress struct {
	send func(subjects.ProgressReport)

	mu     sync.Mutex
	newest subjects.ProgressReport
	unsaid bool        // newest was not sent yet
	pause  *time.Timer // since the last report; nil before the first
	paused bool        // pause is running
	over   bool
}

func (p *progress) set(percent float64, note string) {
	if !(percent > 0) { // NaN too
		percent = 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.newest.Percent, p.newest.Text = min(percent, 100), text.Cut(note, subjects.MaxProgressText)
	p.unsaid = true
	if !p.paused {
		p.say()
	}
}

// say sends the newest and begins a pause. It is called with mu held, so that
// reports leave in order.
func (p *progress) say() {
	p.send(p.newest)
	p.unsaid, p.paused = false, true
	if p.pause == nil {
		p.pause = time.AfterFunc(progressEvery, p.resume)
	} else {
		p.pause.Reset(progressEvery)
	}
}

// resume ends a pause.
func (p *progress) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
	if p.unsaid && !p.over {
		p.say()
	}
}

// end sends what is left. Nothing is sent after it.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.pause != nil {
		p.pause.Stop()
	}
	if p.unsaid {
		p.send(p.newest)
	}
}

// tell publishes a report, unless there is no connection: the client would keep it,
// and send it when it no longer holds.
func (w *Worker) tell(id ha.WorkerID, r subjects.ProgressReport) {
	if !w.nc.IsConnected() {
		return
	}
	body, err := json.Marshal(r)
	if err == nil {
		err = w.nc.Publish(w.names.Progress(id), body)
	}
	if err != nil {
		w.cfg.Log.Debug().Err(err).Str("activation", string(r.Activation)).Msg("progress not sent")
	}
}
