//go:build unix

package dispatcher_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// childURL names the server of a dispatcher that this binary is to be, instead
	// of running tests.
	childURL = "HA_TEST_DISPATCHER_URL"

	heartbeatWorkers = 100_000
	heartbeatWindow  = 20 * time.Second
	heartbeatConns   = 8
)

// init makes the test binary a dispatcher if it was started as one. There is
// no other way to have the dispatcher's processor time apart from the workers'.
func init() {
	url := os.Getenv(childURL)
	if url == "" {
		return
	}
	if err := beDispatcher(url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// beDispatcher dispatches until standard input ends. For each line that comes in,
// the first excepted, it writes one with the process's processor time so far.
func beDispatcher(url string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	d, err := dispatcher.New(nc, dispatcher.Config{Name: "bench"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-d.Ready()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			cancel()
			return err
		}
		fmt.Println(time.Duration(used.Utime.Nano()+used.Stime.Nano()), used.Maxrss)
	}
	cancel()
	return <-done
}

// child is a dispatcher in a process of its own.
type child struct {
	b   *testing.B
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(b *testing.B, url string) *child {
	b.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0]) // it ends with its input
	cmd.Env = append(os.Environ(), childURL+"="+url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c := &child{b: b, in: in, out: bufio.NewReader(out)}
	b.Cleanup(func() {
		if err := in.Close(); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Errorf("dispatcher: %v", err)
		}
	})
	c.used() // answered once it dispatches
	return c
}

// used returns the process's processor time so far, and the most memory in KiB
// (on Linux) that it had.
func (c *child) used() (cpu time.Duration, memory int) {
	c.b.Helper()
	if _, err := fmt.Fprintln(c.in); err != nil {
		c.b.Fatal(err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.b.Fatalf("dispatcher: %v", err)
	}
	text, kib, _ := strings.Cut(strings.TrimSpace(line), " ")
	if cpu, err = time.ParseDuration(text); err != nil {
		c.b.Fatal(err)
	}
	if memory, err = strconv.Atoi(kib); err != nil {
		c.b.Fatal(err)
	}
	return cpu, memory
}

// BenchmarkHeartbeats has 100,000 registered workers heartbeat every 5 s for 20 s,
// spread evenly, over 8 connections. The dispatcher runs in a process of its own
// with the default settings; "cores" is the processor time it takes a second. That
// of the server and of the workers, in this process, is not in it. Every heartbeat
// must be accepted, and within the reply timeout.
func BenchmarkHeartbeats(b *testing.B) {
	s, err := embedded.Start(b.Context(), embedded.Config{NoJetStream: true, Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Shutdown)
	c := startChild(b, s.URL())
	names, err := subjects.NewNames("")
	if err != nil {
		b.Fatal(err)
	}
	crowds := make([]*crowd, heartbeatConns)
	for i := range crowds {
		crowds[i] = newCrowd(b, dialBench(b, s), names, heartbeatWorkers/heartbeatConns)
	}
	b.ResetTimer()
	for range b.N {
		before, _ := c.used()
		start := time.Now()
		beat(crowds, heartbeatWindow)
		wall := time.Since(start)
		after, memory := c.used()
		b.ReportMetric((after-before).Seconds()/wall.Seconds(), "cores")
		b.ReportMetric(float64(memory)/1024, "MiB")
	}
	b.StopTimer()
	checkCrowds(b, crowds, names)
}

// crowd is many workers on one connection.
type crowd struct {
	nc    *nats.Conn
	names subjects.Names
	ids   []ha.WorkerID
	inbox string
	next  int // who heartbeats next

	sent, accepted, late, refused atomic.Int64
	sentAt                        []atomic.Int64 // by worker, of its last heartbeat
	epoch                         time.Time
}

// newCrowd registers n workers, a few hundred at a time.
func newCrowd(b *testing.B, nc *nats.Conn, names subjects.Names, n int) *crowd {
	b.Helper()
	c := &crowd{
		nc: nc, names: names, inbox: nc.NewInbox(), ids: make([]ha.WorkerID, n), sentAt: make([]atomic.Int64, n), epoch: time.Now(),
	}
	window, registered := make(chan struct{}, 500), make(chan struct{}, n)
	hello := nc.NewInbox()
	sub, err := nc.Subscribe(hello+".*", func(msg *nats.Msg) {
		i, err := strconv.Atoi(msg.Subject[len(hello)+1:])
		var reply subjects.HelloReply
		if err == nil {
			err = subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, &reply)
		}
		if err != nil {
			b.Errorf("hello: %v: %s", err, msg.Data)
			return
		}
		c.ids[i] = reply.ID
		<-window
		registered <- struct{}{}
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		window <- struct{}{}
		if err := nc.PublishRequest(names.Hello(), hello+"."+strconv.Itoa(i), []byte(`{"weight":1}`)); err != nil {
			b.Fatal(err)
		}
	}
	for range n {
		receive(b, registered, "a registration")
	}
	if err := sub.Unsubscribe(); err != nil {
		b.Fatal(err)
	}
	if _, err := nc.Subscribe(c.inbox+".*", c.answered); err != nil {
		b.Fatal(err)
	}
	// One that is activated is through with it at once.
	if _, err := nc.Subscribe(names.Activate(), c.obey); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *crowd) obey(msg *nats.Msg) {
	var order subjects.Activate
	if err := json.Unmarshal(msg.Data, &order); err == nil {
		for _, id := range c.ids {
			if id == order.ID {
				_ = c.nc.Publish(c.names.Available(id), nil) // if it fails, heartbeats repair it
			}
		}
	}
}

func (c *crowd) answered(msg *nats.Msg) {
	i, err := strconv.Atoi(msg.Subject[len(c.inbox)+1:])
	switch {
	case err != nil || len(msg.Header) > 0:
		c.refused.Add(1)
	case time.Since(c.epoch).Nanoseconds()-c.sentAt[i].Load() > ha.DefaultReplyTimeout.Nanoseconds():
		c.late.Add(1)
	default:
		c.accepted.Add(1)
	}
}

// heartbeat sends the next n workers' heartbeats.
func (c *crowd) heartbeat(n int) error {
	for range n {
		i := c.next
		c.next = (i + 1) % len(c.ids)
		c.sentAt[i].Store(time.Since(c.epoch).Nanoseconds())
		c.sent.Add(1)
		if err := c.nc.PublishRequest(c.names.Heartbeat(c.ids[i]), c.inbox+"."+strconv.Itoa(i), []byte(`{"running":[]}`)); err != nil {
			return err
		}
	}
	return nil
}

// beat has each worker heartbeat every 5 s for as long as the window is.
func beat(crowds []*crowd, window time.Duration) {
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	start := time.Now()
	sent := 0 // by each crowd
	for since := time.Duration(0); since < window; {
		<-ticks.C
		since = time.Since(start)
		due := int(since.Seconds() / ha.DefaultHeartbeat.Seconds() * heartbeatWorkers / heartbeatConns)
		due, sent = due-sent, due
		for _, c := range crowds {
			if c.heartbeat(due) != nil {
				return // seen in what is missing
			}
		}
	}
}

// checkCrowds wants every heartbeat accepted in time and nobody lost.
func checkCrowds(b *testing.B, crowds []*crowd, names subjects.Names) {
	b.Helper()
	sum := func(of func(*crowd) *atomic.Int64) (n int64) {
		for _, c := range crowds {
			n += of(c).Load()
		}
		return n
	}
	sent := sum(func(c *crowd) *atomic.Int64 { return &c.sent })
	eventually(b, "the last heartbeats to be answered", func() bool {
		return sum(func(c *crowd) *atomic.Int64 { return &c.accepted })+sum(func(c *crowd) *atomic.Int64 { return &c.late })+
			sum(func(c *crowd) *atomic.Int64 { return &c.refused }) == sent
	})
	msg, err := crowds[0].nc.Request(names.Status(), nil, patience)
	if err != nil {
		b.Fatal(err)
	}
	var s subjects.Status
	if err := json.Unmarshal(msg.Data, &s); err != nil {
		b.Fatal(err)
	}
	late, refused := sum(func(c *crowd) *atomic.Int64 { return &c.late }), sum(func(c *crowd) *atomic.Int64 { return &c.refused })
	if late > 0 || refused > 0 || s.Workers.Registered != heartbeatWorkers || s.Workers.Lost != 0 || s.Dropped != 0 || s.Malformed != 0 {
		b.Errorf("of %d heartbeats %d were answered late, %d refused; status %+v", sent, late, refused, s)
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "heartbeats/s")
	b.ReportMetric(float64(s.Workers.Lost), "lost")
}
