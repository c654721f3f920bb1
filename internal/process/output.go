package process

import "sync"

// Output keeps what a process writes. Its methods may be used concurrently. The
// zero value keeps everything.
type Output struct {
	// Most is how many bytes are kept, those at the end; 0: all. It is set before the
	// first write.
	Most int

	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	if over := len(o.text) - o.Most; o.Most > 0 && over > 0 {
		o.text = append(o.text[:0], o.text[over:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
