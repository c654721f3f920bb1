package main

import (
	"context"
	"errors"

	"github.com/seed261fe303/ha/bench/internal/queue"
	"github.com/seed261fe303/ha/bench/internal/role"
	"github.com/seed261fe303/ha/bench/internal/server"
)

// warmTasks go through a system before it is measured.
const warmTasks = 2000

// session is an empty system that runs, with a producer.
type session struct {
	b        *bench
	s        *system
	instance *server.Instance
	settings queue.Settings
	socket   string
	producer *child
	workers  []*child
}

// open starts a system, warms it up, and hands it over empty. The caller closes it.
func (b *bench) open(ctx context.Context, s *system) (*session, error) {
	instance, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	n, err := b.attach(ctx, s, instance)
	if err == nil {
		err = n.warm(ctx)
	}
	if err != nil {
		if n == nil {
			return nil, errors.Join(err, instance.Stop())
		}
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// attach adds a producer to what runs.
func (b *bench) attach(ctx context.Context, s *system, instance *server.Instance) (*session, error) {
	n := &session{b: b, s: s, instance: instance, settings: s.settings}
	n.settings.URL = instance.URL
	var err error
	if n.socket, err = b.socket(); err != nil {
		return nil, err
	}
	if n.producer, err = b.spawn(ctx, n.config(role.Producer)); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *session) config(name string) role.Config {
	return role.Config{Role: name, Settings: n.settings, Socket: n.socket}
}

// worker starts one that does not work yet.
func (n *session) worker(ctx context.Context) (*child, error) {
	w, err := n.b.spawn(ctx, n.config(role.Worker))
	if err == nil {
		n.workers = append(n.workers, w)
	}
	return w, err
}

func (n *session) warm(ctx context.Context) error {
	w, err := n.worker(ctx)
	if err != nil {
		return err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoStart}); err != nil {
		return err
	}
	if _, err := n.submit(ctx, warmTasks); err != nil {
		return err
	}
	if _, err := w.call(ctx, n.b.o.step, role.Order{Do: role.DoAwait, Tasks: warmTasks}); err != nil {
		return err
	}
	return w.close()
}

// submit submits in bulk.
func (n *session) submit(ctx context.Context, tasks int) (role.Answer, error) {
	o := role.Order{Do: role.DoSubmit, Tasks: tasks, Batch: n.b.o.batch, Lanes: n.s.lanes}
	return n.producer.call(ctx, n.b.o.step, o)
}

// leave ends the processes of the session but for the servers.
func (n *session) leave() error {
	var problems []error
	for _, w := range n.workers {
		problems = append(problems, w.close())
	}
	n.workers = nil
	if n.producer != nil {
		problems = append(problems, n.producer.close())
		n.producer = nil
	}
	return errors.Join(problems...)
}

func (n *session) close() error { return errors.Join(n.leave(), n.instance.Stop()) }

// with opens a session for do and closes it.
func (b *bench) with(ctx context.Context, s *system, do func(*session) error) (err error) {
	n, err := b.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	return do(n)
}
