import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";

/** The program under test speaks plain HTTP on loopback. */
const plain = { [oauth.allowInsecureRequests]: true };

/** The server as a library discovers it, the client, and a token to introspect. */
async function discover(api: Api) {
  await api.setUp();
  const issuer = new URL(api.origin);
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plain });
  const server = await oauth.processDiscoveryResponse(issuer, found);
  const asking = await api.create<Created>("/api_token", { token_scope: "account" });
  const asked = await api.create<Created>("/api_token", {
    token_scope: "environment",
    environment_id: await api.environmentId("Production"),
  });
  return { server, client: { client_id: asking.details.id }, asking, asked };
}

type Found = Awaited<ReturnType<typeof discover>>;

async function introspect({ server, client }: Found, authentication: oauth.ClientAuth, token: string) {
  const response = await oauth.introspectionRequest(server, client, authentication, token, plain);
  return oauth.processIntrospectionResponse(server, client, response);
}

/** RFC 7662 allows a bearer token as the credential; the library has no such option. */
function bearer(token: string): oauth.ClientAuth {
  return (_server, _client, _body, headers) => headers.set("authorization", `Bearer ${token}`);
}

const ways = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
  Bearer: bearer,
};

for (const [name, authenticate] of Object.entries(ways)) {
  test(`oauth4webapi finds, introspects and revokes with ${name}`, async ({ api }) => {
    const found = await discover(api);
    const { server, client, asking, asked } = found;
    expect(server.introspection_endpoint_auth_methods_supported).toContain(name);
    const good = await introspect(found, authenticate(asking.token), asked.token);
    expect(good).toMatchObject({
      active: true,
      client_id: asked.details.id,
      scope: "environment",
      token_type: "Bearer",
      iss: server.issuer,
    });
    await expect(introspect(found, authenticate("not-the-secret"), asked.token)).rejects.toThrow(
      oauth.WWWAuthenticateChallengeError,
    );

    const revoked = await oauth.revocationRequest(server, client, oauth.None(), asked.token, plain);
    await oauth.processRevocationResponse(revoked);
    expect(await introspect(found, authenticate(asking.token), asked.token)).toEqual({ active: false });
    expect((await api.validate(asked.token)).status).toBe(401);
    expect((await api.validate(asking.token)).status).toBe(200);
  });
}

test("openid-client discovers, introspects and revokes", async ({ api }) => {
  await api.setUp();
  const { details, token } = await api.create<Created>("/api_token", { token_scope: "account" });
  const asked = await api.create<Created>("/api_token", { token_scope: "account" });
  const found = await openid.discovery(
    new URL(api.origin),
    details.id,
    token,
    openid.ClientSecretBasic(token),
    {
      algorithm: "oauth2",
      execute: [openid.allowInsecureRequests],
    },
  );
  expect(await openid.tokenIntrospection(found, asked.token)).toMatchObject({
    active: true,
    client_id: asked.details.id,
  });
  await openid.tokenRevocation(found, asked.token);
  expect(await openid.tokenIntrospection(found, asked.token)).toEqual({ active: false });
});

test("jose verifies a token with the published keys, and refuses an altered one", async ({ api }) => {
  const { server, asked } = await discover(api);
  const keys = createRemoteJWKSet(new URL(server.jwks_uri ?? ""));
  const demands = { issuer: server.issuer, audience: server.issuer, typ: "at+jwt", algorithms: ["ES256"] };
  const { payload } = await jwtVerify(asked.token, keys, demands);
  expect(payload).toMatchObject({ client_id: asked.details.id, scope: "environment" });

  const [header = "", , signature = ""] = asked.token.split(".");
  const encode = (claims: JWTPayload) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const flipped = (signature.startsWith("A") ? "B" : "A") + signature.slice(1);
  for (const [claims, signed] of [
    [{ ...payload, scope: "account" }, signature],
    [{ ...payload, exp: (payload.exp ?? 0) + 1 }, signature],
    [payload, flipped],
  ] as const) {
    const altered = `${header}.${encode(claims)}.${signed}`;
    await expect(jwtVerify(altered, keys, demands)).rejects.toThrow(errors.JWSSignatureVerificationFailed);
    expect((await api.validate(altered)).status).toBe(401);
  }
  const unaltered = `${header}.${encode(payload)}.${signature}`;
  expect(unaltered, "only what was altered is refused").toBe(asked.token);
});
