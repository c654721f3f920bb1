package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// FreeAddresses returns n addresses of this machine on which nobody listens at
// the moment. They are all different; another process may take one before it is used.
func FreeAddresses(ctx context.Context, n int) (addresses []string, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held { // held until all are chosen
			err = errors.Join(err, l.Close())
		}
	}()
	var config net.ListenConfig
	for range n {
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free address: %w", err)
		}
		held = append(held, l)
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
