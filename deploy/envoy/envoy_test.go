// Package envoy_test holds envoy.yaml against Envoy's own description of its configuration. It is a module of its own,
// so that the program does not carry what describes all of Envoy.
package envoy_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	authz "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	manager "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	mutation "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"
)

// identity are the headers that tell an application whose token it was.
var identity = []string{
	"x-account-id", "x-agent-deployment-id", "x-agent-id", "x-environment-id", "x-token-expires-at", "x-token-id", "x-token-scope",
}

func load(t *testing.T) *bootstrap.Bootstrap {
	t.Helper()
	text, err := os.ReadFile("../envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t *testing.T, text []byte) *bootstrap.Bootstrap {
	t.Helper()
	encoded, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatal(err)
	}
	whole := &bootstrap.Bootstrap{}
	if err := protojson.Unmarshal(encoded, whole); err != nil { // knows every field, in extensions too
		t.Fatal(err)
	}
	return whole
}

// unpack reads the configuration of an extension.
func unpack[M proto.Message](t *testing.T, packed *anypb.Any, into M) M {
	t.Helper()
	if err := packed.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
	return into
}

func connectionManager(t *testing.T) *manager.HttpConnectionManager {
	t.Helper()
	chain := load(t).GetStaticResources().GetListeners()[0].GetFilterChains()[0]
	return unpack(t, chain.GetFilters()[0].GetTypedConfig(), &manager.HttpConnectionManager{})
}

func check(t *testing.T) *authz.ExtAuthz {
	t.Helper()
	return unpack(t, connectionManager(t).GetHttpFilters()[0].GetTypedConfig(), &authz.ExtAuthz{})
}

func TestEnvoyTakesTheFile(t *testing.T) {
	checked := 0
	err := protorange.Range(load(t).ProtoReflect(), func(values protopath.Values) error {
		message, ok := values.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		if rules, ok := message.Interface().(interface{ ValidateAll() error }); ok {
			checked++
			if err := rules.ValidateAll(); err != nil {
				return fmt.Errorf("%s: %w", values.Path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if checked < 50 {
		t.Errorf("only %d messages were looked at", checked)
	}
}

func TestNothingPassesBeforeTheCheckAndNothingWithoutIt(t *testing.T) {
	filters := connectionManager(t).GetHttpFilters()
	if len(filters) != 2 || !filters[1].GetTypedConfig().MessageIs(&router.Router{}) {
		t.Fatalf("the check and then the router are all that there is: %v", filters)
	}
	c := check(t)
	if c.GetFailureModeAllow() || c.GetWithRequestBody() != nil || filters[0].GetIsOptional() || filters[0].GetDisabled() {
		t.Error("the check may be left out, or gets bodies")
	}
	if c.GetStatusOnError().GetCode() != http.StatusServiceUnavailable {
		t.Errorf("without an answer clients get %s", c.GetStatusOnError().GetCode())
	}
	if timeout := c.GetHttpService().GetServerUri().GetTimeout().AsDuration(); timeout.Milliseconds() < 250 {
		t.Errorf("an answer may take %s only", timeout)
	}
	for _, host := range connectionManager(t).GetRouteConfig().GetVirtualHosts() {
		for _, way := range host.GetRoutes() {
			if len(way.GetTypedPerFilterConfig()) != 0 {
				t.Errorf("%v changes the check", way)
			}
		}
	}
}

func TestTheApplicationGetsTheIdentityFromTokentabOnly(t *testing.T) {
	m := connectionManager(t)
	var dropped []string
	var odd *regexp.Regexp
	for _, extension := range m.GetEarlyHeaderMutationExtensions() {
		for _, step := range unpack(t, extension.GetTypedConfig(), &mutation.HeaderMutation{}).GetMutations() {
			dropped = append(dropped, step.GetRemove())
			if pattern := step.GetRemoveOnMatch().GetKeyMatcher().GetSafeRegex().GetRegex(); pattern != "" {
				odd = regexp.MustCompile("^(?:" + pattern + ")$") // Envoy matches whole names, in lower case
			}
		}
	}
	passed := exact(check(t).GetHttpService().GetAuthorizationResponse().GetAllowedUpstreamHeaders())
	if !slices.Equal(passed, identity) {
		t.Errorf("passed on: %q", passed)
	}
	for _, name := range append(identity, "x-forwarded-for", "forwarded") {
		if !slices.Contains(dropped, name) {
			t.Errorf("a client's %s is not dropped", name)
		}
	}
	if odd == nil {
		t.Fatal("no odd names are dropped")
	}
	for name, drop := range map[string]bool{"x.token.id": true, "x~token~id": true, "x-token!id": true, "x-token-id": false, "authorization": false, ":path": false} {
		if odd.MatchString(name) != drop {
			t.Errorf("%s is dropped: %v, want %v", name, !drop, drop)
		}
	}
	if action := m.GetCommonHttpProtocolOptions().GetHeadersWithUnderscoresAction().String(); action != "DROP_HEADER" {
		t.Errorf("X_Token_Id: %s", action)
	}
	for _, host := range m.GetRouteConfig().GetVirtualHosts() {
		for _, name := range []string{"authorization", "x-api-key"} {
			if !slices.Contains(host.GetRequestHeadersToRemove(), name) {
				t.Errorf("the application gets %s", name)
			}
		}
	}
}

func TestTokentabGetsTheCredentialAndTheNeed(t *testing.T) {
	c := check(t)
	if sent := exact(c.GetAllowedHeaders()); !slices.Equal(sent, []string{"x-api-key"}) { // and Authorization, always
		t.Errorf("sent on: %q", sent)
	}
	add := c.GetHttpService().GetAuthorizationRequest().GetHeadersToAdd()
	if len(add) != 1 || add[0].GetKey() != "x-token-need" || add[0].GetValue() == "" {
		t.Errorf("added: %v", add)
	}
	if back := exact(c.GetHttpService().GetAuthorizationResponse().GetAllowedClientHeaders()); !slices.Contains(back, "www-authenticate") {
		t.Errorf("clients get %q of a refusal", back)
	}
}

// exact returns the names that a list matches, in order; it may match nothing but whole names.
func exact(list *matcher.ListStringMatcher) []string {
	var names []string
	for _, pattern := range list.GetPatterns() {
		names = append(names, pattern.GetExact())
	}
	slices.Sort(names)
	return names
}

// The lines that pass CORS preflights to the application are comments. Once they count, they leave out the check for
// preflights alone.
func TestTheLinesForPreflightsLeaveOutTheCheckForThemAlone(t *testing.T) {
	text, err := os.ReadFile("../envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), "answer them:\n")
	lines, below := strings.Split(after, "\n"), true
	for i, line := range lines {
		indent, comment, is := strings.Cut(line, "# ")
		if below = below && is; below {
			lines[i] = indent + comment
		}
	}
	chain := parse(t, []byte(before+"answer them:\n"+strings.Join(lines, "\n"))).GetStaticResources().GetListeners()[0].GetFilterChains()[0]
	routes := unpack(t, chain.GetFilters()[0].GetTypedConfig(), &manager.HttpConnectionManager{}).GetRouteConfig().GetVirtualHosts()[0].GetRoutes()
	if !found || len(routes) != 2 {
		t.Fatalf("%d routes", len(routes))
	}
	if !unpack(t, routes[0].GetTypedPerFilterConfig()["envoy.filters.http.ext_authz"], &authz.ExtAuthzPerRoute{}).GetDisabled() || len(routes[1].GetTypedPerFilterConfig()) != 0 {
		t.Error("the check is not left out, or not for preflights alone")
	}
	asked := map[string]bool{}
	for _, header := range routes[0].GetMatch().GetHeaders() {
		asked[header.GetName()] = header.GetPresentMatch() || header.GetStringMatch().GetExact() == "OPTIONS"
	}
	if len(asked) != 3 || !asked[":method"] || !asked["origin"] || !asked["access-control-request-method"] {
		t.Errorf("a preflight is told by %v", asked)
	}
}
