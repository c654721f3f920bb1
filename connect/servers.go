package connect

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// parseServers takes a list of servers apart and gives each a scheme. Its errors do
// not repeat the server, which may hold a password.
func parseServers(list string) ([]string, error) {
	var servers []string
	for i, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if !strings.Contains(s, "://") {
			s = "nats://" + s
		}
		if err := checkServer(s); err != nil {
			return nil, fmt.Errorf("server %d of the list: %w", i+1, err)
		}
		if len(servers) > 0 && isWebsocket(s) != isWebsocket(servers[0]) {
			return nil, errors.New("servers with and without websockets cannot be mixed")
		}
		servers = append(servers, s)
	}
	if len(servers) == 0 {
		return nil, errors.New("no server in the list; want host:port or nats://host:port, several separated by commas")
	}
	return servers, nil
}

func checkServer(server string) error {
	u, err := url.Parse(server)
	if err != nil {
		return errors.New("not a URL such as nats://host:4222; special characters in a user or a password are written as %XX")
	}
	switch u.Scheme {
	case "nats", "tls":
		if strings.Trim(u.Path, "/") != "" { // most likely a password with a slash in it
			return errors.New("nothing may follow the port; special characters in a user or a password are written as %XX")
		}
	case "ws", "wss":
	default:
		return fmt.Errorf("scheme must be nats, tls, ws or wss, got %q", u.Scheme)
	}
	if u.Hostname() == "" {
		return errors.New("a host is missing; want nats://host:4222")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("port must be from 1 to 65535")
		}
	}
	return nil
}

func isWebsocket(server string) bool { return strings.HasPrefix(server, "ws") }

// redact returns a server's URL fit to be shown. All of the part before the host
// goes: a user without a password is a token.
func redact(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	return u.String()
}
