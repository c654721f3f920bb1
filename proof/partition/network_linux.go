package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// enterWord makes this program one that enters a network namespace and becomes another.
	enterWord = "enter-network"
	// nobody is a hardware address that no host has: what is sent there arrives nowhere.
	nobody = "02:00:00:00:00:ff"
	// dialWithin bounds one attempt to connect.
	dialWithin = 2 * time.Second
)

// network is hosts on one switch, each in a network namespace of its own. The namespaces have
// no names: the kernel removes them, and the links in them, with the last process in them and
// the last file that stands for them, so that nothing of them stays however this process ends.
type network struct {
	bridge *os.File
	hosts  []*host
}

// host is one host of a network.
type host struct {
	name, address, mac string
	space              *os.File
}

// supported returns why there can be no network here.
func supported() error {
	if os.Geteuid() != 0 {
		return errors.New("it takes root to make a network namespace")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("it takes the command ip: %w", err)
	}
	space, err := newSpace()
	if err != nil {
		return err
	}
	return space.Close()
}

// newNetwork joins hosts of those names.
func newNetwork(ctx context.Context, names ...string) (_ *network, err error) {
	n := &network{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a network: %w", err), n.close())
		}
	}()
	if n.bridge, err = newSpace(); err != nil {
		return nil, err
	}
	if err := ip(ctx, n.bridge, nil, "link add name switch type bridge", "link set switch up"); err != nil {
		return nil, err
	}
	for i, name := range names {
		space, err := newSpace()
		if err != nil {
			return nil, err
		}
		n.hosts = append(n.hosts, &host{
			name: name, address: fmt.Sprintf("10.77.0.%d", i+1), mac: fmt.Sprintf("02:00:00:00:00:%02x", i+1), space: space,
		})
	}
	for i, h := range n.hosts {
		port := fmt.Sprintf("port%d", i+1)
		// The other end is made where the third open file of the command is.
		err := ip(ctx, n.bridge, h.space, "link add name "+port+" type veth peer name eth0 address "+h.mac+" netns /proc/self/fd/3",
			"link set "+port+" master switch", "link set "+port+" up")
		if err != nil {
			return nil, err
		}
		lines := []string{"link set lo up", "address add " + h.address + "/24 dev eth0", "link set eth0 up"}
		for _, other := range n.hosts {
			if other != h {
				lines = append(lines, neighbour(other, other.mac))
			}
		}
		if err := ip(ctx, h.space, nil, lines...); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// close gives the namespaces up. They are gone when the processes in them are.
func (n *network) close() error {
	var problems []error
	for _, h := range n.hosts {
		problems = append(problems, h.space.Close())
	}
	if n.bridge != nil {
		problems = append(problems, n.bridge.Close())
	}
	return errors.Join(problems...)
}

// drop lets nothing more arrive that one host sends to the other. Neither is told: the packets are
// sent, and are for nobody.
func (n *network) drop(ctx context.Context, w way) error {
	return ip(ctx, n.host(w.from).space, nil, neighbour(n.host(w.to), nobody))
}

// pass undoes drop.
func (n *network) pass(ctx context.Context, w way) error {
	return ip(ctx, n.host(w.from).space, nil, neighbour(n.host(w.to), n.host(w.to).mac))
}

func neighbour(h *host, mac string) string {
	return "neighbour replace " + h.address + " lladdr " + mac + " nud permanent dev eth0"
}

// host returns the host of that name, which there is.
func (n *network) host(name string) *host {
	return n.hosts[slices.IndexFunc(n.hosts, func(h *host) bool { return h.name == name })]
}

// enter is what runs a command line on the host that follows it.
func (h *host) enter() ([]string, error) {
	self, err := os.Executable()
	return []string{self, enterWord, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.space.Fd())}, err
}

// Dial connects from the host. With it a host is a dialer of a NATS client in this process.
func (h *host) Dial(protocol, address string) (conn net.Conn, err error) {
	// The socket is made by the goroutine that asks for it, since there is one address to try.
	err = inside(h.space, func() error {
		dialer := net.Dialer{Timeout: dialWithin}
		conn, err = dialer.DialContext(context.Background(), protocol, address)
		return err
	})
	return conn, err
}

// newSpace makes a network namespace.
func newSpace() (space *os.File, err error) {
	err = apart(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		space, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return space, err
}

// inside does something in a network namespace.
func inside(space *os.File, do func() error) error {
	return apart(func() error {
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil { // #nosec G115 -- a file's number
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		return do()
	})
}

// apart does something on a thread of its own, which ends with it, and so leaves the namespace.
func apart(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever
		result <- do()
	}()
	return <-result
}

// ip runs lines of the command ip in a namespace. third is its open file of that number.
func ip(ctx context.Context, space, third *os.File, lines ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(lines, "\n")+"\n"), &said, &said
	if third != nil {
		cmd.ExtraFiles = []*os.File{third}
	}
	if err := inside(space, cmd.Run); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// other reports whether this program was started to be something else. It returns only if that failed.
func other(args []string) (status int, word bool) {
	if len(args) < 4 || args[1] != enterWord {
		return 0, false
	}
	runtime.LockOSThread()
	err := enterAndRun(args[2], args[3:])
	fmt.Fprintf(os.Stderr, "partition: run %s on a host: %v\n", args[3], err)
	return 1, true
}

func enterAndRun(path string, command []string) error {
	space, err := os.Open(path) // #nosec G304 G703 -- given by the one that started us
	if err != nil {
		return err
	}
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil { // #nosec G115 -- a file's number
		return err
	}
	if err := space.Close(); err != nil {
		return err
	}
	return syscall.Exec(command[0], command, os.Environ()) // #nosec G204 G702 -- given by the one that started us
}
