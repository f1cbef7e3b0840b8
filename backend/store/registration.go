package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/agent"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
	"tokentab/backend/text"
)

// registration is the register of an instance in one transaction.
type registration struct {
	tx       *gorm.DB
	scope    activity.Scope
	at       time.Time
	newID    func() (pfid.ID, error)
	recorder audit.Recorder
}

func (s Activity) RegisterInstance(ctx context.Context, scope activity.Scope, i activity.Instance, asked activity.Registration, newID func() (pfid.ID, error), recorder audit.Recorder) (activity.Registered, error) {
	size := spanOverhead
	if asked.Schema != nil {
		for _, schema := range asked.Schema.Schemas {
			size += len(schema)
		}
	}
	if err := s.checkRoom(ctx, size); err != nil {
		return activity.Registered{}, err
	}
	return changeIn(ctx, s, scope, func(tx *gorm.DB) (made activity.Registered, err error) {
		r := registration{tx, scope, i.InsertedAt, newID, recorder}
		of, err := r.agent(asked.Agent)
		if err != nil {
			return made, err
		}
		environment, err := r.environment(asked.EnvironmentID)
		if err != nil {
			return made, err
		}
		if !asked.ID.IsZero() {
			known, err := instanceOf(tx, scope, asked.ID)
			if fault.KindOf(err) != fault.NotFound {
				return r.again(known, of, environment, err)
			}
		}
		if err := checkActive(tx, scope.AccountID, of.ID, "its instances can't be registered"); err != nil {
			return made, err
		}
		d, err := r.deployment(of, environment)
		if err != nil {
			return made, err
		}
		schema, err := r.schemaVersion(of, asked.Schema)
		if err != nil {
			return made, err
		}
		version, err := r.version(of, asked.Version, schema)
		if err != nil {
			return made, err
		}
		if !asked.KeepsCurrentVersion && d.CurrentVersionID != version {
			if err := setCurrentVersion(tx, of.ID, d.ID, version, r.at, recorder); err != nil {
				return made, err
			}
		}
		i.AgentID, i.EnvironmentID, i.DeploymentID, i.VersionID = of.ID, d.EnvironmentID, d.ID, version
		if err := instances.insertNew(tx, activity.ListedInstance{Instance: i}, idTaken()); err != nil {
			return made, err
		}
		if _, err := exec(tx, countInstance, 1, i.ID, scope.AccountID); err != nil {
			return made, err
		}
		made.SchemaVersionID = schema
		made.ListedInstance, err = instanceOf(tx, scope, i.ID)
		return made, err
	})
}

// again returns an instance that was registered before, of the agent and, unless it is zero, in the environment.
func (r registration) again(known activity.ListedInstance, of agent.Agent, environment pfid.ID, err error) (made activity.Registered, _ error) {
	if err == nil && (known.AgentID != of.ID || !environment.IsZero() && known.EnvironmentID != environment) {
		err = idTaken()
	}
	if err != nil {
		return made, err
	}
	made.ListedInstance = known
	made.SchemaVersionID, err = value[pfid.ID](r.tx, "SELECT agent_schema_version_id FROM agent_versions WHERE id = ?", known.VersionID)
	return made, err
}

// mostChoices is how many choices an error lists.
const mostChoices = 10

// agent returns the agent that a request names, or that of the scope.
func (r registration) agent(named string) (agent.Agent, error) {
	if r.scope.DeploymentID.IsZero() {
		return r.namedAgent(named)
	}
	d, err := deploymentIn(r.tx, r.scope.AccountID, r.scope.DeploymentID)
	if err != nil {
		return agent.Agent{}, err
	}
	if named != "" {
		a, err := r.namedAgent(named)
		switch {
		case err != nil && fault.KindOf(err) != fault.Validation:
			return a, err
		case err != nil || a.ID != d.AgentID:
			// Several agents may share a name; the token says which is meant.
			if own, err := agentIn(r.tx, r.scope.AccountID, d.AgentID); err != nil || own.Name != named {
				return a, cmp.Or[error](err, fault.New(fault.NotPermitted, "This token is for another agent. Leave agent_id out, or use a token of that agent."))
			}
		}
	}
	return agentIn(r.tx, r.scope.AccountID, d.AgentID)
}

// namedAgent finds an agent by its id, external identifier or name. Of several with the name, it takes the one that is not
// retired: people replace an agent under its name.
func (r registration) namedAgent(named string) (agent.Agent, error) {
	for _, where := range []string{"t.id = ?", "t.external_identifier = ?"} {
		a, ok, err := agents.find(r.tx, where+" AND t.account_id = ? AND t.deleted_at IS NULL", named, r.scope.AccountID)
		if err != nil || ok {
			return a, err
		}
	}
	list, err := agents.all(r.tx, "WHERE t.name = ? AND t.account_id = ? AND t.deleted_at IS NULL ORDER BY t.retired_at IS NOT NULL, t.inserted_at, t.id LIMIT ?", text.Composed(named), r.scope.AccountID, mostChoices)
	switch {
	case err != nil:
		return agent.Agent{}, err
	case len(list) == 0:
		return agent.Agent{}, fault.Field("agent_id", "is no id, external identifier or name of an agent of this account")
	case len(list) == 1 || !list[1].RetiredAt.IsZero():
		return list[0], nil
	}
	var choices []string
	for _, a := range list {
		if a.RetiredAt.IsZero() {
			choices = append(choices, a.ID.String())
		}
	}
	return agent.Agent{}, fault.Field("agent_id", "is the name of several agents; use an id: %s", strings.Join(choices, ", "))
}

// environment returns the environment that a request names, or that of the scope; zero for none. It returns
// fault.NotPermitted if the two differ.
func (r registration) environment(named pfid.ID) (pfid.ID, error) {
	scoped := r.scope.EnvironmentID
	if !scoped.IsZero() && !named.IsZero() && named != scoped {
		return named, fault.New(fault.NotPermitted, "This token is for another environment. Leave environment_id out, or use a token of that environment.")
	}
	return cmp.Or(scoped, named), nil
}

// deployment returns the deployment of an agent in an environment; without one, in the only one, or in Development. It
// creates the deployment unless it exists.
func (r registration) deployment(of agent.Agent, environment pfid.ID) (d agent.ListedDeployment, err error) {
	if environment.IsZero() {
		if environment, err = r.chosen(of); err != nil {
			return d, err
		}
	}
	d, ok, err := deployments.find(r.tx, "t.agent_id = ? AND t.environment_id = ? AND t.account_id = ? AND t.deleted_at IS NULL", of.ID, environment, r.scope.AccountID)
	if err != nil || ok {
		return d, err
	}
	if err := mustHave(r.tx, "environments", "environment_id", r.scope.AccountID, environment); err != nil {
		return d, err
	}
	id, err := r.newID()
	if err != nil {
		return d, err
	}
	d.Deployment = agent.Deployment{ID: id, AccountID: r.scope.AccountID, AgentID: of.ID, EnvironmentID: environment, InsertedAt: r.at, UpdatedAt: r.at}
	if err := deployments.insert(r.tx, d); err != nil {
		return d, err
	}
	return d, recordWith(r.tx, r.recorder, audit.AgentDeploymentCreated, "", id)
}

// chosen returns the environment of an agent's only deployment, else of that in Development; for an agent without
// deployments the same of the account's environments. If that decides nothing, it returns fault.Validation with the choices.
func (r registration) chosen(of agent.Agent) (pfid.ID, error) {
	type place struct {
		ID            pfid.ID
		Name, Purpose string
	}
	var places []place
	deployed := `SELECT e.id, e.name, e.purpose FROM environments e JOIN agent_deployments d ON d.environment_id = e.id
		WHERE d.agent_id = ? AND d.deleted_at IS NULL ORDER BY e.inserted_at, e.id`
	all := "SELECT id, name, purpose FROM environments WHERE account_id = ? AND deleted_at IS NULL ORDER BY inserted_at, id"
	for _, from := range []struct {
		query string
		id    pfid.ID
	}{{deployed, of.ID}, {all, r.scope.AccountID}} {
		if err := r.tx.Raw(from.query, from.id).Scan(&places).Error; err != nil {
			return pfid.ID{}, err
		}
		if len(places) > 0 {
			break
		}
	}
	switch len(places) {
	case 0:
		return pfid.ID{}, fault.Field("environment_id", "is required, and the account has no environment; create one first")
	case 1:
		return places[0].ID, nil
	}
	var development []pfid.ID
	var choices []string
	for _, p := range places {
		if p.Purpose == "development" {
			development = append(development, p.ID)
		}
		if len(choices) < mostChoices {
			choices = append(choices, fmt.Sprintf("%s (%s)", p.ID, p.Name))
		}
	}
	if len(development) == 1 {
		return development[0], nil
	}
	return pfid.ID{}, fault.Field("environment_id", "is required, because the agent may run in several environments: %s", strings.Join(choices, ", "))
}

// mostAlike is how many of an agent's newest schema versions with one identifier are compared with those that a request sends:
// programs with other schemas may take turns.
const mostAlike = 10

// schemaVersion returns the agent's newest schema version with the identifier and these schemas, or a new one.
func (r registration) schemaVersion(of agent.Agent, asked *activity.RegisteredSchema) (pfid.ID, error) {
	if asked == nil {
		return pfid.ID{}, nil
	}
	alike, err := schemaVersions.all(r.tx, "WHERE t.agent_id = ? AND t.external_identifier = ? ORDER BY t.external_identifier_repeats DESC LIMIT ?", of.ID, asked.ExternalIdentifier, mostAlike)
	if err != nil {
		return pfid.ID{}, err
	}
	for _, known := range alike {
		if sameSchemas(known.Schemas, asked.Schemas) {
			return known.ID, nil
		}
	}
	id, err := r.newID()
	if err != nil {
		return id, err
	}
	_, err = insertSchemaVersion(r.tx, agent.SchemaVersion{
		ID: id, AccountID: r.scope.AccountID, AgentID: of.ID, ExternalIdentifier: asked.ExternalIdentifier, Schemas: asked.Schemas,
		Registered: true, InsertedAt: r.at,
	}, r.recorder)
	if err != nil {
		return id, err
	}
	return id, removeSchemasBeyond(r.tx, of.ID, activity.MostSchemaBytes)
}

// sameSchemas reports whether two sets of schemas are the same JSON.
func sameSchemas(a, b map[string]json.RawMessage) bool {
	plain := func(schemas map[string]json.RawMessage) (v any) {
		text, err := json.Marshal(schemas)
		if err != nil {
			return nil
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&v) != nil {
			return nil
		}
		return v
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// version returns the agent's newest version with the identifier and the schema version, zero for any, or a new one.
func (r registration) version(of agent.Agent, asked activity.RegisteredVersion, schema pfid.ID) (pfid.ID, error) {
	known, err := versions.all(r.tx, "WHERE t.agent_id = ? AND t.external_identifier = ? AND (? OR t.agent_schema_version_id = ?) ORDER BY t.external_identifier_repeats DESC LIMIT 1",
		of.ID, asked.ExternalIdentifier, schema.IsZero(), schema)
	if err != nil {
		return pfid.ID{}, err
	}
	if len(known) > 0 {
		return known[0].ID, nil
	}
	id, err := r.newID()
	if err != nil {
		return id, err
	}
	_, err = insertVersion(r.tx, agent.Version{
		ID: id, AccountID: r.scope.AccountID, AgentID: of.ID, SchemaVersionID: schema, ExternalIdentifier: asked.ExternalIdentifier,
		Name: asked.Name, Description: asked.Description, Registered: true, InsertedAt: r.at, UpdatedAt: r.at,
	}, r.recorder)
	if err != nil {
		return id, err
	}
	return id, removeVersionsBeyond(r.tx, of.ID, activity.MostVersions, id)
}
