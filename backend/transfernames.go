package backend

import (
	"context"
	"fmt"
	"strings"

	"tokentab/backend/account"
	"tokentab/backend/agent"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// namesInAccount are the ids of an account's agents and environments by id and by name. The name of several has a zero id. The keys
// are those of the installation; a withdrawn one is false.
type namesInAccount struct {
	agents, environments map[string]pfid.ID
	keys                 map[string]bool
}

func (b *Backend) namesOf(ctx context.Context, owner pfid.ID) (n namesInAccount, err error) {
	n = namesInAccount{map[string]pfid.ID{}, map[string]pfid.ID{}, map[string]bool{}}
	keys, err := b.store.Keys.SigningKeys(ctx)
	if err != nil {
		return n, err
	}
	for _, key := range keys {
		n.keys[key.ID] = key.WithdrawnAt.IsZero()
	}
	add := func(to map[string]pfid.ID, id pfid.ID, name string) {
		if _, has := to[name]; has {
			id = pfid.ID{}
		}
		to[name] = id
	}
	err = eachOf(func(page paging.Page) ([]agent.Agent, int, error) { return b.Agents.List(ctx, owner, "", page) }, func(a agent.Agent) {
		n.agents[a.ID.String()] = a.ID
		add(n.agents, a.ID, a.Name)
	})
	if err != nil {
		return n, err
	}
	list := func(page paging.Page) ([]account.ListedEnvironment, int, error) {
		return b.Accounts.Environments(ctx, owner, page)
	}
	return n, eachOf(list, func(e account.ListedEnvironment) {
		n.environments[e.ID.String()] = e.ID
		add(n.environments, e.ID, e.Name)
	})
}

// eachOf calls do with all items of a list, page by page.
func eachOf[T any](list func(paging.Page) ([]T, int, error), do func(T)) error {
	for page := (paging.Page{Size: 100}); ; page.Offset += page.Size {
		items, _, err := list(page)
		if err != nil {
			return err
		}
		for _, item := range items {
			do(item)
		}
		if len(items) < page.Size {
			return nil
		}
	}
}

// find returns the id of an agent or environment by its id in the account, else by its name.
func find(in map[string]pfid.ID, what, id, name string) (pfid.ID, error) {
	if found := in[id]; id != "" && !found.IsZero() {
		return found, nil
	}
	if id == "" && name == "" {
		return pfid.ID{}, nil
	}
	found, has := in[name]
	switch {
	case name == "" || !has:
		return found, fmt.Errorf("the account has no %s %q: create it first", what, strings.TrimSpace(id+" "+name))
	case found.IsZero():
		return found, fmt.Errorf("the account has several %ss with the name %q: set %s_id", what, name, what)
	}
	return found, nil
}
