import { AzureAuth } from '@kubernetes/client-node/dist/azure_auth.js'
import { GoogleCloudPlatformAuth } from '@kubernetes/client-node/dist/gcp_auth.js'
import { OpenIDConnectAuth } from '@kubernetes/client-node/dist/oidc_auth.js'

/** The providers that kubectl has had, each for one user. */
export function authProviders() {
  return [new AzureAuth(), new GoogleCloudPlatformAuth(), new OpenIDConnectAuth()]
}
