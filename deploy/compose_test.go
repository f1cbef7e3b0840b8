package deploy_test

import (
	"net/netip"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEachServiceThatNginxKnowsByItsAddressKeepsIt stands in for Docker, which gives the first free address of a network to whatever
// starts first, and another one after a restart.
func TestEachServiceThatNginxKnowsByItsAddressKeepsIt(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Environment map[string]string `yaml:"environment"`
			Networks    yaml.Node         `yaml:"networks"`
		} `yaml:"services"`
		Networks struct {
			Front struct {
				IPAM struct {
					Config []struct {
						Subnet string `yaml:"subnet"`
					} `yaml:"config"`
				} `yaml:"ipam"`
			} `yaml:"front"`
		} `yaml:"networks"`
	}
	if err := yaml.Unmarshal([]byte(shipped(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	subnet := netip.MustParsePrefix(file.Networks.Front.IPAM.Config[0].Subnet)
	owners, proxy := map[netip.Addr]string{subnet.Addr().Next(): "the gateway"}, ""
	for _, name := range []string{"nginx", "tokentab-1", "tokentab-2"} {
		var networks struct {
			Front struct {
				Address netip.Addr `yaml:"ipv4_address"`
			} `yaml:"front"`
		}
		if node := file.Services[name].Networks; node.Decode(&networks) != nil || !subnet.Contains(networks.Front.Address) {
			t.Errorf("%s has no address of its own in %s", name, subnet)
		}
		if owner := owners[networks.Front.Address]; owner != "" {
			t.Errorf("%s has the address of %s", name, owner)
		}
		owners[networks.Front.Address] = name
		if name == "nginx" {
			proxy = networks.Front.Address.String() + "/32"
		} else if trusted := file.Services[name].Environment["TOKENTAB_TRUSTED_PROXIES"]; trusted != proxy {
			t.Errorf("%s trusts %s, and nginx is %s", name, trusted, proxy)
		}
	}
}
