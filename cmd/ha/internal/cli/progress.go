package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows on a terminal how far a long command is. The zero value shows
// nothing.
type Progress struct {
	bar  *progressbar.ProgressBar
	size int64
}

// NewProgress shows a bar where size, in bytes, is known, and a count otherwise.
func NewProgress(w io.Writer, size int64, visible bool) *Progress {
	if !visible {
		return &Progress{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(Raw(w)), progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("submitting"), progressbar.OptionFullWidth(), progressbar.OptionSetElapsedTime(true),
	}
	if size > 0 {
		options = append(options, progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true))
		return &Progress{bar: progressbar.NewOptions64(size, options...), size: size}
	}
	options = append(options, progressbar.OptionSpinnerType(14), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("tasks"))
	return &Progress{bar: progressbar.NewOptions64(-1, options...)}
}

// At says how many bytes were read and how many tasks submitted. What a terminal
// does not take is no failure of the command.
func (p *Progress) At(read int64, tasks int) {
	switch {
	case p.bar == nil:
	case p.size > 0:
		p.bar.Describe(fmt.Sprintf("%d tasks", tasks))
		_ = p.bar.Set64(min(read, p.size))
	default:
		_ = p.bar.Set64(int64(tasks))
	}
}

// Finish takes the bar away.
func (p *Progress) Finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Above returns a writer of lines that stand above the bar.
func (p *Progress) Above(w io.Writer) io.Writer {
	if p.bar == nil {
		return w
	}
	return aboveBar{p.bar, w}
}

type aboveBar struct {
	bar *progressbar.ProgressBar
	io.Writer
}

func (a aboveBar) Write(b []byte) (int, error) {
	_ = a.bar.Clear()
	return a.Writer.Write(b)
}
