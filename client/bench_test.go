package client_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/subjects"
)

// content200 is a payload of 200 bytes.
var content200 = json.RawMessage(`{"data":"` + strings.Repeat("x", 189) + `"}`)

// accepting answers each submission as fast as plain NATS can.
func accepting(b *testing.B) *dispatcher {
	f := newFake(b)
	_, err := f.nc.Subscribe(f.names.Task(subjects.TaskSubmit), func(msg *nats.Msg) {
		var answer []byte
		if msg.Data[0] == '[' {
			answer, _ = fake.Accept(msg.Data).([]byte)
		} else { // its id comes first
			answer = append(append(answer, msg.Data[:len(`{"id":"`)+22]...), `"}`...)
		}
		if err := msg.Respond(answer); err != nil {
			b.Error(err)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	f.flush(f.nc)
	return f
}

// BenchmarkSubmit has 64 goroutines that submit one task after the other. Compare it
// with BenchmarkRequest, the same in plain NATS.
func BenchmarkSubmit(b *testing.B) {
	c, _ := accepting(b).client(client.Config{})
	parallel(b, func() error {
		_, err := c.Submit(b.Context(), ha.TaskSpec{Kind: "resize", Payload: content200})
		return err
	})
}

func BenchmarkRequest(b *testing.B) {
	f := accepting(b)
	nc := connect(b)
	body := []byte(`{"id":"0123456789012345678901","kind":"resize","payload":` + string(content200) + `}`)
	parallel(b, func() error {
		_, err := nc.Request(f.names.Task(subjects.TaskSubmit), body, time.Minute)
		return err
	})
}

func parallel(b *testing.B, do func() error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var working sync.WaitGroup
	for range 64 {
		working.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func BenchmarkSubmitMany(b *testing.B) {
	const tasks = 10_000
	c, _ := accepting(b).client(client.Config{})
	specs := make([]ha.TaskSpec, tasks)
	for i := range specs {
		specs[i] = ha.TaskSpec{Kind: "resize", Payload: content200}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.SubmitMany(b.Context(), specs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*tasks)/b.Elapsed().Seconds(), "tasks/s")
}
