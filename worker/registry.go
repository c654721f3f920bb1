package worker

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/subjects"
)

// registry collects handlers and middleware until Run seals it.
type registry struct {
	mu       sync.Mutex
	sealed   bool
	handlers map[string]TaskHandler
	layers   []Middleware
	wrong    problems.List
}

// Handle makes h the handler of tasks of that kind, which is 1 to 64 letters,
// digits, '_' and '-'; up to 64 kinds may be handled. A worker that handles kinds is
// sent tasks of these kinds and no plain activations, and so has no Config.Handler.
//
// It is to be called before [Worker.Run], which returns what is wrong with a call:
// an error that matches [ha.ErrInvalid]. A call after Run began has no effect but
// that Run, which goes on, returns such an error at its end.
func (w *Worker) Handle(kind string, h TaskHandler) {
	w.register("handle "+subjects.Quote(kind), func(r *registry) string {
		switch {
		case !ha.ValidToken(kind):
			return fmt.Sprintf("a kind must be 1 to %d of the characters a-z, A-Z, 0-9, '_' and '-'", ha.MaxToken)
		case h == nil:
			return "the handler is nil"
		case r.handlers[kind] != nil:
			return "the kind has a handler already"
		}
		if r.handlers == nil {
			r.handlers = map[string]TaskHandler{}
		}
		r.handlers[kind] = h
		return ""
	})
}

// Use puts middleware around the handlers of all kinds, also of those that are
// registered later. The first is the outermost. As [Worker.Handle] it is to be called
// before [Worker.Run], which returns what is wrong.
func (w *Worker) Use(m ...Middleware) {
	w.register("use", func(r *registry) string {
		if slices.ContainsFunc(m, func(m Middleware) bool { return m == nil }) {
			return "a middleware is nil"
		}
		r.layers = append(r.layers, m...)
		return ""
	})
}

// register makes one change, and notes what it says is wrong.
func (w *Worker) register(what string, change func(*registry) string) {
	r := &w.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	why := "it comes after Run began"
	if !r.sealed {
		why = change(r)
	}
	if why == "" {
		return
	}
	r.wrong.Add("%s: %s", what, why)
	if r.sealed {
		w.cfg.Log.Error().Str("call", what).Msg("ignored, as it comes after Run began")
	}
}

// seal ends the registration, and returns the handler of each kind with all that
// was put around it.
func (r *registry) seal(plain Handler) (map[string]TaskHandler, error) {
	r.mu.Lock()
	r.sealed = true
	handlers, layers, wrong := maps.Clone(r.handlers), r.layers, r.wrong
	r.wrong = nil
	r.mu.Unlock()
	switch kinds := len(handlers) > 0; {
	case kinds && plain != nil:
		wrong.Add("a worker has a Config.Handler, for plain activations, or handles kinds of tasks, but not both")
	case !kinds && plain == nil && len(wrong) == 0:
		wrong.Add("there is no handler: set Config.Handler for plain activations, or call Handle for each kind of task")
	case !kinds && len(layers) > 0:
		wrong.Add("middleware is for tasks, and no kind is handled")
	}
	if len(handlers) > subjects.MaxNames {
		wrong.Add("a worker may handle at most %d kinds, got %d", subjects.MaxNames, len(handlers))
	}
	for _, kind := range slices.Sorted(maps.Keys(handlers)) {
		h := handlers[kind]
		for _, layer := range slices.Backward(layers) {
			if h = layer(h); h == nil {
				wrong.Add("a middleware returned nil for the kind %s", kind)
				break
			}
		}
		handlers[kind] = h
	}
	return handlers, wrong.Err("worker")
}

// misuse returns what went wrong since the registration was sealed.
func (r *registry) misuse() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong.Err("worker")
}
