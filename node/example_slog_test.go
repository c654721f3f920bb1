package node_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
)

// slogWriter hands the lines of a zerolog.Logger on to a slog.Logger.
type slogWriter struct{ to *slog.Logger }

func (w slogWriter) Write(line []byte) (int, error) { return w.WriteLevel(zerolog.InfoLevel, line) }

func (w slogWriter) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	ctx, as := context.Background(), slog.Level(4*(level-zerolog.InfoLevel))
	if !w.to.Enabled(ctx, as) {
		return len(line), nil
	}
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return 0, err
	}
	message, _ := fields[zerolog.MessageFieldName].(string)
	delete(fields, zerolog.MessageFieldName)
	delete(fields, zerolog.LevelFieldName)
	var attrs []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		attrs = append(attrs, slog.Any(name, fields[name]))
	}
	w.to.LogAttrs(ctx, as, message, attrs...)
	return len(line), nil
}

// A program that uses log/slog receives the lines in its own handler. The Log of every
// Config takes such a logger.
func Example_slog() {
	ctx := context.Background()
	program := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "epoch" {
				return slog.Attr{} // another one each time
			}
			return a
		},
	}))
	n, err := node.Start(ctx, node.Config{
		Dispatcher: dispatcher.Config{Name: "d1"},
		Log:        zerolog.New(slogWriter{program}),
	})
	if err != nil {
		program.Error("start", "error", err)
		return
	}
	if err := n.Stop(); err != nil {
		program.Error("stop", "error", err)
	}

	// Output:
	// level=WARN msg="no store was named: what this node knows ends with it"
	// level=INFO msg=leading dispatcher=d1 journal=memory
	// level=INFO msg=stopped dispatcher=d1
}
