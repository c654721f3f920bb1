package harness

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	tailLines = 20
	// longestLine is what is kept of a line without end.
	longestLine = 64 << 10
)

// processLog takes what a process writes, line by line.
type processLog struct {
	onLine func(time.Time, []byte)

	mu      sync.Mutex
	file    *os.File
	partial []byte
	last    []string // the last lines
}

func openLog(path string, onLine func(time.Time, []byte)) (*processLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &processLog{onLine: onLine, file: file}, nil
}

// Write is called by one goroutine, that of the process.
func (l *processLog) Write(b []byte) (int, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(b); err != nil {
		return 0, err
	}
	for rest := b; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		l.partial = append(l.partial, line...)
		rest = after
		if !ended && len(l.partial) < longestLine {
			break
		}
		if l.onLine != nil {
			l.onLine(now, l.partial)
		}
		l.last = append(l.last, string(l.partial))
		l.last = l.last[max(0, len(l.last)-tailLines):]
		l.partial = l.partial[:0]
	}
	return len(b), nil
}

// String returns the last lines.
func (l *processLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}

// Close closes the file, when the process has ended.
func (l *processLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
