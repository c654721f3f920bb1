package program

// output keeps what is written up to a limit, and notices what goes beyond. It is
// one goroutine's, but for over.
type output struct {
	kept  []byte
	limit int
	// over is closed when there was more.
	over chan struct{}
}

// newOutput allows for the line feed that is cut off at the end.
func newOutput(limit int) *output { return &output{limit: limit + 2, over: make(chan struct{})} }

// Write takes everything, so that the writer is never kept waiting. It never fails.
func (o *output) Write(b []byte) (int, error) {
	switch {
	case o.exceeded():
	case len(o.kept)+len(b) > o.limit:
		close(o.over)
	default:
		o.kept = append(o.kept, b...)
	}
	return len(b), nil
}

func (o *output) exceeded() bool {
	select {
	case <-o.over:
		return true
	default:
		return false
	}
}
