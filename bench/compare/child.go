package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed261fe303/ha/bench/internal/lab"
	"github.com/seed261fe303/ha/bench/internal/role"
)

// roleArgument, as the first argument, makes this program one of the roles.
const roleArgument = "role"

// childStopWithin bounds how long a role takes to end in order.
const childStopWithin = 30 * time.Second

// child is a process of this program in a role.
type child struct {
	*lab.Process
	orders  *json.Encoder
	answers chan role.Answer
}

// spawn starts a role and waits until it is ready.
func (b *bench) spawn(ctx context.Context, c role.Config) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Role, err)
	}
	name := c.Settings.System + " " + c.Role
	process, err := b.lab.Start(ctx, lab.Spec{Name: name, Path: program, Args: []string{roleArgument, string(config)}, Piped: true})
	if err != nil {
		return nil, err
	}
	kid := &child{Process: process, orders: json.NewEncoder(process.In), answers: make(chan role.Answer, 1)}
	go kid.read()
	_, err = kid.answer(ctx, b.o.step, "ready")
	if err != nil {
		return nil, errors.Join(err, kid.Kill())
	}
	return kid, nil
}

// read ends with the process.
func (c *child) read() {
	defer close(c.answers)
	for decoder := json.NewDecoder(c.Out); ; {
		var a role.Answer
		if err := decoder.Decode(&a); err != nil {
			return // the end of the process, which whoever waits reports
		}
		c.answers <- a
	}
}

// call gives an order and waits for the answer; one at a time.
func (c *child) call(ctx context.Context, within time.Duration, o role.Order) (role.Answer, error) {
	if err := c.orders.Encode(o); err != nil {
		return role.Answer{}, fmt.Errorf("order %s to %s: %w", c.Name, o.Do, err)
	}
	return c.answer(ctx, within, o.Do)
}

func (c *child) answer(ctx context.Context, within time.Duration, what string) (role.Answer, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case a, ok := <-c.answers:
		if !ok {
			<-c.Done() // its output has ended, which is ours alone to read
			return a, c.Unexpected()
		}
		if a.Error != "" {
			return a, fmt.Errorf("%s: %s", c.Name, a.Error)
		}
		return a, nil
	case <-ctx.Done():
		return role.Answer{}, fmt.Errorf("await %s of %s: %w", what, c.Name, context.Cause(ctx))
	case <-timer.C:
		return role.Answer{}, fmt.Errorf("await %s of %s: no answer after %s: %w", what, c.Name, within, os.ErrDeadlineExceeded)
	}
}

// close has the role end in order.
func (c *child) close() error {
	_ = c.In.Close() // that is the order to end
	timer := time.NewTimer(childStopWithin)
	defer timer.Stop()
	select {
	case <-c.Done():
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("stop %s: it still runs after %s", c.Name, childStopWithin), c.Kill())
	}
}

// socket is a path for the signals of one session.
func (b *bench) socket() (string, error) {
	dir, err := b.lab.Folder("s")
	return filepath.Join(dir, "signals"), err
}
