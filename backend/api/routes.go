package api

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"tokentab/backend/answer"
)

// apiRoot is where the routes begin.
const apiRoot = "/api/v1"

// routes registers every route, in order. The second argument of add is who may call it, see access.
func (s *Service) routes(app *fiber.App) {
	// Strangers may ask for these, so they stay out of condense: callers need the room for large responses.
	s.documents = sync.OnceValues(s.renderDocuments)
	app.Get(apiRoot+"/openapi.json", s.document(func(d *documents) *answer.File { return &d.openAPI }))
	app.Get("/docs", s.document(func(d *documents) *answer.File { return &d.page }))
	app.Get("/docs.css", s.document(func(d *documents) *answer.File { return &d.style }))

	root := app.Group(apiRoot, noStore, s.condense)
	s.huma = humafiber.NewWithGroup(app, root, apiConfig())
	s.describeEndpoints()

	add(s, open, http.MethodGet, "/session", "Show who is signed in, and the server's settings for the page", s.getSession)
	add(s, open, http.MethodPost, "/session", "Sign in", s.signIn)
	add(s, open, http.MethodDelete, "/session", "Sign out", s.signOut)
	add(s, open, http.MethodPost, "/setup", "Create the first account", s.setUp)
	add(s, open, http.MethodPost, "/invite/show", "Show an invite by its code", s.showInvite)
	add(s, open, http.MethodPost, "/invite/accept", "Accept an invite, once, and sign in", s.acceptInvite)

	add(s, personal, http.MethodPost, "/session/password", "Change one's own password and end all other sessions", s.changePassword)
	add(s, personal, http.MethodGet, "/session/all", "List one's own sessions", s.listSessions)
	add(s, personal, http.MethodDelete, "/session/{id}", "End one of one's own sessions", s.endSession)
	add(s, personal, http.MethodDelete, "/session/notice/{id}", "Dismiss a notice about a change of one's own password, role or sessions", s.dismissNotice)
	add(s, personal, http.MethodPost, "/session/end_others", "End all of one's own sessions but this one", s.endOtherSessions)

	add(s, signedIn, http.MethodGet, changesRoute, "Follow what changes in the account, as server-sent events", s.followChanges)
	s.describeChanges()

	add(s, manager, http.MethodGet, "/api_token", "List the API tokens of the account", s.listTokens)
	add(s, manager, http.MethodPost, "/api_token", "Create an API token; only this response contains the secret", s.createToken)
	add(s, manager, http.MethodGet, "/api_token/summary", "Count the API tokens of the account by what needs attention", s.summarizeTokens)
	add(s, manager, http.MethodGet, "/api_token/moves", "List changes of many API tokens whose records are still being updated", s.listTokenMoves)
	add(s, manager, http.MethodPost, tokenBulkRoute, "Suspend, activate, revoke or delete many API tokens, up to 500 at once", s.changeTokens)
	add(s, itself, http.MethodGet, "/api_token/{id}", "Retrieve an API token", s.getToken)
	add(s, manager, http.MethodGet, "/api_token/{id}/use", "Show how an API token was used", s.getTokenUse)
	add(s, manager, http.MethodGet, "/api_token/{id}/events", "List the recorded changes of an API token", s.listTokenEvents)
	add(s, manager, http.MethodPost, "/api_token/{id}/suspend", "Suspend an active API token; dry_run only shows who would notice", s.suspendToken)
	add(s, manager, http.MethodPost, "/api_token/{id}/activate", "Activate a suspended API token", s.activateToken)
	add(s, manager, http.MethodPost, "/api_token/{id}/revoke", "Revoke an API token permanently; with_descendants also revokes the tokens that it created", s.revokeToken)
	add(s, itself, http.MethodPost, "/api_token/{id}/rotate", "Replace the secret of an API token; only this response contains the new one", s.rotateToken)
	add(s, itself, http.MethodPost, "/api_token/{id}/end_old_secret", "End the replaced secret of an API token before its overlap is over", s.endOldSecret)
	add(s, manager, http.MethodDelete, "/api_token/{id}", "Delete a revoked API token", s.deleteToken)

	add(s, manager, http.MethodGet, "/account", "List the accounts that the caller belongs to", s.listAccounts)
	add(s, manager, http.MethodGet, "/account/{id}", "Retrieve an account", s.getAccount)
	add(s, manager, http.MethodPut, "/account/{id}", "Update the account", s.updateAccount)
	add(s, signedIn, http.MethodGet, "/account/{id}/contents", "Count what the account holds", s.getAccountContents)
	add(s, signedIn, http.MethodDelete, "/account/{id}", "Delete the account with everything in it", s.deleteAccount)
	add(s, signedIn, http.MethodGet, "/account/{id}/webhook", "Retrieve the webhook that gets notices of expiring API tokens", s.getWebhook)
	add(s, signedIn, http.MethodPut, "/account/{id}/webhook", "Set the URL of the webhook; only the first response contains the secret", s.setWebhook)
	add(s, signedIn, http.MethodPost, "/account/{id}/end_sessions", "End all sessions of all members but this one", s.endAllSessions)
	add(s, signedIn, http.MethodPost, "/account/{id}/webhook/replace_secret", "Replace the secret of the webhook; only this response contains it", s.replaceWebhookSecret)
	add(s, signedIn, http.MethodPost, "/account/{id}/webhook/test", "Send a test message to the webhook and wait for the answer", s.testWebhook)
	add(s, signedIn, http.MethodDelete, "/account/{id}/webhook", "Delete the webhook", s.deleteWebhook)

	add(s, manager, http.MethodGet, auditExportRoute, "Download the recorded changes in the account as JSON Lines, newest first", s.exportAuditEvents)
	s.describeExport()
	add(s, manager, http.MethodGet, "/audit_event", "List the recorded changes in the account, newest first", s.listAuditEvents)
	add(s, manager, http.MethodGet, "/audit_event/{id}", "Retrieve a recorded change", s.getAuditEvent)

	add(s, manager, http.MethodGet, "/backup", "Show the last backup of the installation, and whether it was restored from one", s.getBackup)
	add(s, signedIn, http.MethodPost, "/backup/review_restore", "Confirm that the API tokens were reviewed after a restore", s.reviewRestore)

	add(s, manager, http.MethodGet, "/admin_user", "List the admin users of the account", s.listAdminUsers)
	add(s, manager, http.MethodGet, "/admin_user/{id}", "Retrieve an admin user", s.getAdminUser)
	add(s, personal, http.MethodPut, "/admin_user/{id}", "Update one's own profile", s.updateAdminUser)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/set_role", "Make a member an admin or a viewer; the pending invites of a viewer end", s.setRole)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/end_sessions", "End all sessions of a member", s.endSessionsOfAdminUser)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/remove", "Remove a member and end all of their sessions", s.removeAdminUser)
	add(s, signedIn, http.MethodPost, "/admin_user/{id}/revoke_api_tokens", "Revoke the live API tokens that a member created", s.revokeTokensOfAdminUser)

	add(s, manager, http.MethodGet, "/admin_user_invite", "List the invites to the account", s.listInvites)
	add(s, manager, http.MethodPost, "/admin_user_invite", "Invite a person to the account; an invite ends with the API token or the member that made it", s.createInvite)
	add(s, manager, http.MethodGet, "/admin_user_invite/{id}", "Retrieve an invite, with its code for signed-in admins", s.getInvite)
	add(s, manager, http.MethodPost, "/admin_user_invite/{id}/revoke", "Revoke a pending invite", s.revokeInvite)

	add(s, manager, http.MethodGet, "/environment", "List the environments of the account, oldest first", s.listEnvironments)
	add(s, manager, http.MethodPost, "/environment", "Create an environment", s.createEnvironment)
	add(s, manager, http.MethodGet, "/environment/show", "Retrieve an environment by an id in the query", s.showEnvironment)
	add(s, manager, http.MethodGet, "/environment/{id}", "Retrieve an environment", s.getEnvironment)
	add(s, manager, http.MethodPut, "/environment/{id}", "Update an environment", s.updateEnvironment)
	add(s, manager, http.MethodDelete, "/environment/{id}", "Delete an environment with its deployments and revoke its API tokens", s.deleteEnvironment)

	add(s, manager, http.MethodGet, "/agent", "List the agents of the account", s.listAgents)
	add(s, manager, http.MethodPost, "/agent", "Register an agent", s.createAgent)
	add(s, manager, http.MethodGet, "/agent/show", "Retrieve an agent by its id or its external identifier", s.showAgent)
	add(s, manager, http.MethodGet, "/agent/{id}", "Retrieve an agent", s.getAgent)
	add(s, manager, http.MethodPut, "/agent/{id}", "Update an agent", s.updateAgent)
	add(s, manager, http.MethodPost, "/agent/{id}/retire", "Retire an agent and suspend its active tokens", s.retireAgent)
	add(s, manager, http.MethodPost, "/agent/{id}/reinstate", "Reinstate a retired agent and the tokens suspended with it", s.reinstateAgent)
	add(s, manager, http.MethodDelete, "/agent/{id}", "Delete an agent with its deployments and versions, and revoke its API tokens", s.deleteAgent)
	add(s, manager, http.MethodGet, "/agent_deployment", "List the agent deployments of the account", s.listDeployments)
	add(s, manager, http.MethodPost, "/agent_deployment", "Deploy an agent in an environment", s.createDeployment)
	add(s, manager, http.MethodGet, "/agent_deployment/{id}", "Retrieve an agent deployment", s.getDeployment)
	add(s, manager, http.MethodPut, "/agent_deployment/{id}", "Set the current version of an agent deployment", s.updateDeployment)
	add(s, manager, http.MethodDelete, "/agent_deployment/{id}", "Delete an agent deployment and revoke its API tokens", s.deleteDeployment)
	add(s, manager, http.MethodGet, "/agent_version", "List the versions of an agent", s.listVersions)
	add(s, manager, http.MethodPost, "/agent_version", "Add a version to an agent", s.createVersion)
	add(s, manager, http.MethodGet, "/agent_version/{id}", "Retrieve an agent version", s.getVersion)
	add(s, manager, http.MethodGet, "/agent_schema_version", "List the schema versions of an agent", s.listSchemaVersions)
	add(s, manager, http.MethodPost, "/agent_schema_version", "Add a schema version to an agent", s.createSchemaVersion)
	add(s, manager, http.MethodGet, "/agent_schema_version/{id}", "Retrieve an agent schema version", s.getSchemaVersion)

	add(s, manager, http.MethodGet, "/agent/{id}/activity", "Count the instances of an agent in the last 24 hours", s.getAgentActivity)

	add(s, runtime, http.MethodGet, "/agent_instance", "List the agent instances that the caller may see", s.listInstances)
	add(s, runtime, http.MethodPost, registerRoute, "Register an instance, with the version, schema version and deployment that it lacks", s.registerInstance)
	add(s, runtime, http.MethodGet, "/agent_instance/show", "Retrieve an agent instance by an id in the query", s.showInstance)
	add(s, runtime, http.MethodGet, "/agent_instance/{id}", "Retrieve an agent instance", s.getInstance)
	add(s, runtime, http.MethodGet, "/agent_instance/{id}/agent_context", "Describe an agent instance in words", s.getAgentContext)
	add(s, runtime, http.MethodPost, "/agent_instance/{id}/start", "Start an agent instance", s.startInstance)
	add(s, runtime, http.MethodPost, "/agent_instance/{id}/finish", "Finish an agent instance", s.finishInstance)
	add(s, runtime, http.MethodPost, "/agent_instance/{id}/terminate", "Terminate an agent instance; its agent learns the reason with the next response", s.terminateInstance)
	add(s, runtime, http.MethodPost, qualityRoute, "Keep a quality payload of an agent instance", s.recordQuality)

	add(s, runtime, http.MethodPost, spanRoute, "Create an agent span", s.createSpan)
	add(s, runtime, http.MethodPost, spanRoute+"/create_test_spans", "Create finished agent spans for trying things out", s.createTestSpans)
	add(s, runtime, http.MethodPost, spanRoute+"/{id}/finish", "Finish an agent span; a finished one stays as it is", s.finishSpan)
	add(s, runtime, http.MethodGet, spanRoute, "List the agent spans of an instance or an agent", s.listSpans)

	add(s, manager, http.MethodPost, "/pfid/generate", "Generate ids for the account", s.generatePFIDs)
	add(s, bundle, http.MethodPost, bulkRoute, "Run several requests in order until one fails; those before it are kept", s.bulk)

	root.Use(s.refuseNotServed)
}
