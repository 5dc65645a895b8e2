package secret

// cloudSpecs are credentials of clouds and hosting.
var cloudSpecs = []spec{
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	{id: "aws-key-id", expr: `\b((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16})\b`, like: []string{"AKIA<upper:16>"}, unlike: []string{"AKIA<upper:8>"}},
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
	{id: "aws-secret-key", expr: `(?i)(?:aws|amazon|secret)[_ -]{0,2}(?:[\w.-]{0,20}[ _-])?(?:key|token)\w{0,4}["'\x60\]]{0,3}\s{0,3}(?:=>|:=|[=:,]|\bis\b)\s{0,3}["'\x60]{0,3}([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`, entropy: 4, like: []string{"aws_secret_access_key = <b64:40>", "secret key:<b64:40>\n"}, unlike: []string{"aws_secret_access_key = <b64:20>"}},
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html
	{id: "aws-session-token", expr: `(?i)(?:session_?token|x-amz-security-token)["']?\s{0,3}[=:]\s{0,3}["']?([A-Za-z0-9/+=%]{100,})`, entropy: 4, like: []string{"aws_session_token = <b64:200>"}, unlike: []string{"aws_session_token = <b64:20>"}},
	// https://developer-docs.amazon.com/sp-api/docs (MWS), https://developer.amazon.com/docs/login-with-amazon/
	{id: "amazon-mws-token", expr: `(amzn\.mws\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})`, like: []string{"amzn.mws.<uuid:1>"}, unlike: []string{"amzn.mws.<hex:8>"}},
	{id: "amazon-oauth-secret", expr: `(amzn1\.oa2-cs\.v1\.[a-f0-9]{64}|Atz[ar]\|[\w+/=-]{60,700})`, like: []string{"amzn1.oa2-cs.v1.<hex:64>"}, unlike: []string{"amzn1.oa2-cs.v1.<hex:8>"}},
	// https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
	{id: "aws-appsync-key", expr: `\b(da2-[a-z0-9]{26})\b`, like: []string{"da2-<lower:26>"}, unlike: []string{"da2-<lower:8>"}},

	// https://learn.microsoft.com/en-us/purview/sit-defn-azure-storage-account-key (key and identifiable forms)
	{id: "azure-storage-key", expr: `(?i)(?:AccountKey|account-key|SharedKey|storage[\w-]{0,20}key|azure[\w-]{0,30}key)["']?\s{0,2}[ =:]\s{0,2}["']?([A-Za-z0-9+/]{86}==)`, like: []string{"AccountKey=<b64:86>=="}, unlike: []string{"AccountKey=<b64:40>"}},
	{id: "azure-identifiable-key", expr: `([A-Za-z0-9+/]{76}\+(?:ASt|ABa|AMC)[A-Za-z0-9+/]{5,7}={0,2}|[A-Za-z0-9+/]{42}(?:\+ACR[A-D][A-Za-z0-9+/]{5}|AzSe[A-D][A-Za-z0-9]{5})|[A-Za-z0-9+/]{33}(?:AIoT|\+ASb|\+AEh|\+ARm|AZEG|AzCa)[A-P][A-Za-z0-9+/]{5}=|[\w-]{44}AzFu[\w-]{5}[AQgw]==)`, entropy: 4, like: []string{"<b64:42>AzSeA<alnum:5>"}, unlike: []string{"AzSeA<alnum:5>"}},
	// https://learn.microsoft.com/en-us/purview/sit-defn-azure-cognitive-service-key (JQQJ99 marks keys since 2024)
	{id: "azure-ai-key", expr: `([A-Za-z0-9]{52}JQQJ9[A-Za-z0-9][A-Za-z0-9]{8,30})`, like: []string{"<alnum:52>JQQJ99<alnum:26>"}, unlike: []string{"JQQJ99<alnum:26>"}},
	// https://learn.microsoft.com/en-us/azure/service-bus-messaging/service-bus-sas
	{id: "azure-shared-access-key", expr: `(?i)(?:SharedAccessKey|AccessKey|hubAccessKey|PrimaryKey|SecondaryKey)["']?\s{0,3}[=:]\s{0,3}["']?([A-Za-z0-9+/]{43}=)`, entropy: 3.5, like: []string{"SharedAccessKey=<b64:43>="}, unlike: []string{"SharedAccessKey=<b64:20>"}},
	// https://learn.microsoft.com/en-us/azure/storage/common/storage-sas-overview
	{id: "azure-sas-signature", expr: `(?i)[?&;](?:sig)=([A-Za-z0-9%+/]{43,80}(?:%3D|=))`, entropy: 3.5, like: []string{"?sv=2022&sig=<b64:43>%3D"}, unlike: []string{"?sig=<b64:10>"}},
	// https://learn.microsoft.com/en-us/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate
	{id: "azure-devops-token", expr: `(?i)(?:azure|\bado|devops|vsts|\bvso|\bpat[\s"=:]|_pat|\btfs)[\w .-]{0,20}["']?\s{0,3}[=: ]\s{0,3}["']?([a-z2-7]{52})\b`, entropy: 3.5, like: []string{"ado_pat = \"<b32:52>\""}, unlike: []string{"ado_pat = <b32:20>"}},
	{id: "azure-devops-token-2024", expr: `([A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})`, like: []string{"<alnum:76>AZDO<alnum:4>"}, unlike: []string{"AZDO<alnum:4>"}},
	// https://learn.microsoft.com/en-us/azure/api-management/api-management-subscriptions
	{id: "azure-subscription-key", expr: `(?i)(?:subscription-key|x-functions-key|api-key)["']?\s{0,3}[=:]\s{0,3}["']?([a-f0-9]{32})\b`, entropy: 3, like: []string{"Ocp-Apim-Subscription-Key: <hex:32>"}, unlike: []string{"Ocp-Apim-Subscription-Key: <hex:12>"}},
	// https://learn.microsoft.com/en-us/azure/azure-cache-for-redis/cache-configure#access-keys
	{id: "azure-redis-key", expr: `(?i)(?:password|accessKey|key)=([A-Za-z0-9+/]{43}=)`, entropy: 3.5, like: []string{"password=<b64:43>=,ssl=True"}, unlike: []string{"password=<b64:20>="}},

	// https://cloud.google.com/docs/authentication/api-keys
	{id: "google-api-key", expr: `(AIza[\w-]{35})`, like: []string{"AIza<alnum:35>"}, unlike: []string{"AIza<alnum:12>"}},
	// https://developers.google.com/identity/protocols/oauth2
	{id: "google-oauth-secret", expr: `(GOCSPX-[\w-]{20,40})`, like: []string{"GOCSPX-<alnum:28>"}, unlike: []string{"GOCSPX-<alnum:8>"}},
	{id: "google-oauth-token", expr: `\b(ya29\.[\w-]{40,1000})`, like: []string{"ya29.<alnum:60>"}, unlike: []string{"ya29.<alnum:8>"}},
	{id: "google-refresh-token", expr: `(1//0[\w-]{40,200})`, entropy: 3.5, like: []string{"1//0<alnum:60>"}, unlike: []string{"1//0<alnum:8>"}},
	{id: "google-oauth-client", expr: `\b(\d{10,14}-[a-z0-9]{4,40}\.apps\.googleusercontent\.com)\b`, like: []string{"<digit:12>-<lower:32>.apps.googleusercontent.com"}, unlike: []string{"foo.apps.googleusercontent.com"}},
	{id: "google-oauth-secret-legacy", expr: `(?i)client_secret["']?\s{0,3}[=:]\s{0,3}["']?([\w-]{24})["'\s,]`, entropy: 3.4, like: []string{"\"client_secret\":\"<alnum:24>\","}, unlike: []string{"\"client_secret\":\"<alnum:8>\","}},
	// https://cloud.google.com/storage/docs/authentication/hmackeys
	{id: "gcs-hmac-key", expr: `\b(GOOG[A-Z0-9]{57}|GOOG[A-Z0-9]{20})\b`, like: []string{"GOOG1E<upper:55>"}, unlike: []string{"GOOG1E<upper:8>"}},
	// https://firebase.google.com/docs/cloud-messaging/auth-server
	{id: "firebase-server-key", expr: `([\w-]{11}:APA91b[\w-]{100,200})`, like: []string{"AAAA<alnum:7>:APA91b<alnum:134>"}, unlike: []string{"APA91b<alnum:8>"}},
	// https://developers.google.com/recaptcha/docs/settings
	{id: "recaptcha-secret", expr: `(?i)captcha[^\n]{0,60}?\b(6L[a-zA-Z0-9_-]{38})\b`, like: []string{"recaptcha_secret: 6L<alnum:38>"}, unlike: []string{"6L<alnum:38>"}},

	// https://docs.digitalocean.com/reference/api/
	{id: "digitalocean-token", expr: `\b(do[opr]_v1_[a-f0-9]{64})`, like: []string{"dop_v1_<hex:64>"}, unlike: []string{"dop_v1_<hex:8>"}},
	// https://devcenter.heroku.com/articles/platform-api-reference
	{id: "heroku-key", expr: `\b(HRKU-(?:[\w-]{60,64}|[a-f0-9-]{36}))`, like: []string{"HRKU-AA<alnum:58>"}, unlike: []string{"HRKU-AA<alnum:8>"}},
	// https://developers.cloudflare.com/fundamentals/api/get-started/create-token/
	{id: "cloudflare-token", expr: `\b(cf(?:at|ut|k)_[A-Za-z0-9]{40,64})\b`, like: []string{"cfat_<alnum:48>"}, unlike: []string{"cfat_<alnum:8>"}},
	{id: "cloudflare-origin-key", expr: `\b(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})`, like: []string{"v1.0-<hex:24>-<hex:146>"}, unlike: []string{"v1.0-<hex:24>"}},
	// https://docs.netlify.com/api/get-started/
	{id: "netlify-token", expr: `\b(nfp_[A-Za-z0-9]{36})\b`, like: []string{"nfp_<alnum:36>"}, unlike: []string{"nfp_<alnum:8>"}},
	// https://vercel.com/docs/rest-api
	{id: "vercel-token", expr: `\b(vc[pikar]_[A-Za-z0-9]{50,64})\b`, like: []string{"vcp_<alnum:56>"}, unlike: []string{"vcp_<alnum:8>"}},
	{id: "vercel-blob-token", expr: `\b(vercel_blob_rw_[A-Za-z0-9]{10,20}_[A-Za-z0-9]{25,40})\b`, like: []string{"vercel_blob_rw_<alnum:16>_<alnum:30>"}, unlike: []string{"vercel_blob_rw_<alnum:8>"}},
	// https://render.com/docs/api
	{id: "render-key", expr: `\b(rnd_[A-Za-z0-9]{28,40})\b`, entropy: 3.5, like: []string{"rnd_<alnum:32>"}, unlike: []string{"rnd_<alnum:8>"}},
	// https://supabase.com/docs/guides/api/api-keys
	{id: "supabase-key", expr: `\b(sbp_(?:v0_)?[a-f0-9]{40}|sb_secret_[\w-]{20,60})`, like: []string{"sbp_<hex:40>", "sb_secret_<alnum:31>"}, unlike: []string{"sbp_<hex:8>"}},
	// https://neon.com/docs/manage/api-keys
	{id: "neon-key", expr: `\b(napi_[a-z0-9]{60,70})\b`, like: []string{"napi_<lower:64>"}, unlike: []string{"napi_<lower:8>"}},
	// https://planetscale.com/docs/concepts/service-tokens
	{id: "planetscale-token", expr: `\b(pscale_(?:tkn|oauth|pw|app_secret)_[\w.=-]{32,64})`, like: []string{"pscale_tkn_<alnum:43>"}, unlike: []string{"pscale_tkn_<alnum:8>"}},
	// https://www.mongodb.com/docs/atlas/api/service-accounts-overview/
	{id: "mongodb-atlas-secret", expr: `\b(mdb_sa_sk_[\w-]{30,60})`, like: []string{"mdb_sa_sk_<alnum:40>"}, unlike: []string{"mdb_sa_sk_<alnum:8>"}},
	// https://tailscale.com/kb/1277/key-prefixes
	{id: "tailscale-key", expr: `(tskey-[a-z]{2,10}-[A-Za-z0-9]{6,24}(?:-[A-Za-z0-9]{10,50})?)`, like: []string{"tskey-auth-<alnum:12>CNTRL-<alnum:32>"}, unlike: []string{"tskey-auth-<alnum:3>"}},
	// https://docs.doppler.com/reference/auth-token-formats
	{id: "doppler-token", expr: `\b(dp\.(?:pt|ct|sa|scim|audit|said|st(?:\.[\w-]{2,35})?)\.[A-Za-z0-9]{40,44})\b`, like: []string{"dp.st.dev.<alnum:43>", "dp.sa.<alnum:43>"}, unlike: []string{"dp.st.dev.<alnum:8>"}},
	// https://developer.hashicorp.com/vault/docs/concepts/tokens
	{id: "vault-token", expr: `\b(hv[sbr]\.[\w-]{24,300})`, like: []string{"hvs.<alnum:28>"}, unlike: []string{"hvs.<alnum:8>"}},
	{id: "vault-token-legacy", expr: `(?i)vault[\w .-]{0,30}?["'\x60]?\s{0,3}[=: ]\s{0,3}["'\x60]?(s\.[A-Za-z0-9_-]{24,200})`, entropy: 3.5, like: []string{"VAULT_TOKEN=s.<alnum:24>"}, unlike: []string{"VAULT_TOKEN=s.<alnum:8>"}},
	{id: "vault-unseal-key", expr: `(?i)unseal[\w ]{0,20}(?::|=|\s)\s{0,3}([A-Za-z0-9+/]{43}[A-Za-z0-9+/=]|[a-f0-9]{64,66})`, entropy: 4, like: []string{"vault operator unseal <b64:44>"}, unlike: []string{"vault operator unseal now and for ever more, friend"}},
	{id: "vault-approle", expr: `(?i)\b(?:role|secret)_?id["']?\s{0,3}[=:]\s{0,3}["']?([a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})\b`, like: []string{"SECRET_ID=<uuid:1>"}, unlike: []string{"SECRET_ID=<hex:8>"}},
	// https://developer.hashicorp.com/hcp/docs/hcp/iam/service-principal
	{id: "hcp-client", expr: `(?i)hcp_client_(?:id|secret)["']?\s{0,3}[=:]\s{0,3}["']?([\w-]{32,64})`, entropy: 3.5, like: []string{"HCP_CLIENT_SECRET=<alnum:64>"}, unlike: []string{"HCP_CLIENT_SECRET=<alnum:8>"}},
	// https://developer.hashicorp.com/terraform/cloud-docs/api-docs#authentication
	{id: "terraform-token", expr: `([A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70})`, like: []string{"<alnum:14>.atlasv1.<alnum:67>"}, unlike: []string{"x.atlasv1.<alnum:8>"}},
	// https://infisical.com/docs/documentation/platform/token
	{id: "infisical-token", expr: `\b(st\.[a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32})\b`, like: []string{"st.<hex:24>.<hex:32>.<hex:32>"}, unlike: []string{"st.<hex:24>"}},
	// https://techdocs.akamai.com/developer/docs/make-your-first-api-call
	{id: "akamai-token", expr: `\b(ak[a-z]{2}-[a-z0-9]{16}-[a-z0-9]{16})\b(?:[^.]|$)`, like: []string{"akab-<lower:16>-<lower:16>"}, unlike: []string{"akab-<lower:16>-<lower:16>.luna.akamaiapis.net"}},
	// https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair
	{id: "alibaba-key-id", alone: true, expr: `\b(LTAI[A-Za-z0-9]{12,24})\b`, like: []string{"LTAI<alnum:20>"}, unlike: []string{"LTAI<alnum:4>"}},
	// https://cloud.tencent.com/document/product/598/40488
	{id: "tencent-key-id", expr: `\b(AKID[A-Za-z0-9]{32})\b`, like: []string{"AKID<alnum:32>"}, unlike: []string{"AKID<alnum:8>"}},
	// https://yandex.cloud/en/docs/iam/concepts/authorization/api-key
	{id: "yandex-key", expr: `\b(AQVN[\w-]{35,38}|YC[A-Za-z][\w-]{37}|t1\.[\w-]{20,400}={0,2}\.[\w-]{86}={0,2})`, entropy: 3.5, like: []string{"AQVN<alnum:36>"}, unlike: []string{"AQVN<alnum:8>"}},
	// https://cloud.ibm.com/docs/account?topic=account-userapikey
	{id: "ibm-cloud-key", expr: `(?i)(?:ibm|bluemix|cloud[_-]?iam)[\w-]{0,30}["']?\s{0,3}(?:=>|:=|[=:])\s{0,3}["']?([\w-]{44})\b`, entropy: 3, like: []string{"ibm_cloud_api_key = <word:44>"}, unlike: []string{"ibm_cloud_api_key = <word:12>"}},
	// https://sldn.softlayer.com/article/authenticating-softlayer-api/
	{id: "softlayer-key", expr: `(?i)(?:softlayer|\bsl)[\w-]{0,20}["']?(?:\s{0,3}(?:=>|:=|[=:])\s{0,3}|\s)["']?([a-z0-9]{64})\b`, like: []string{"softlayer_api_key: <lower:64>"}, unlike: []string{"softlayer_api_key: <lower:12>"}},
	// https://cloud.ibm.com/docs/Cloudant?topic=Cloudant-managing-access-for-cloudant
	{id: "cloudant-key", expr: `(?i)(?:cloudant|\bclou_)[\w-]{0,20}["']?\s{0,3}(?:=>|:=|[=:])\s{0,3}["']?([a-f0-9]{64}|[a-z]{24})\b`, like: []string{"cloudant_password = <hex:64>"}, unlike: []string{"cloudant_password = <hex:12>"}},
	// https://www.scaleway.com/en/docs/iam/how-to/create-api-keys/
	{id: "scaleway-key-id", expr: `\b(SCW[A-Z0-9]{17})\b`, like: []string{"SCW<upper:17>"}, unlike: []string{"SCW<upper:4>"}},
	// https://www.linode.com/docs/products/tools/api/get-started/
	{id: "fly-token", expr: `\b(fo1_[\w-]{43}|fm2_[A-Za-z0-9+/]{100,}={0,3})`, like: []string{"fo1_<alnum:43>"}, unlike: []string{"fo1_<alnum:8>"}},
	// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
	{id: "kubernetes-bootstrap-token", expr: `(?i)(?:token|bootstrap)[\w -]{0,20}["']?\s{0,3}[=: ]\s{0,3}["']?([a-z0-9]{6}\.[a-z0-9]{16})\b`, entropy: 3, like: []string{"--token <lower:6>.<lower:16>"}, unlike: []string{"--token <lower:6>"}},
	{id: "kubernetes-bootstrap-secret", expr: `(?i)token-secret:\s{0,3}["']?([a-z0-9]{16})\b`, entropy: 3, like: []string{"token-secret: <lower:16>"}, unlike: []string{"token-secret: <lower:8>"}},
	// https://docs.openshift.com/container-platform/latest/authentication/
	{id: "openshift-token", expr: `(sha256~[\w-]{43})`, like: []string{"sha256~<alnum:43>"}, unlike: []string{"sha256~<alnum:8>"}},
	// https://docs.upstash.com/redis/features/restapi
	{id: "upstash-token", expr: `(?i)upstash[\w-]{0,30}["']?\s{0,3}[=:]\s{0,3}["']?(A[\w=-]{40,70})`, entropy: 4, like: []string{"UPSTASH_REDIS_REST_TOKEN=A<alnum:50>"}, unlike: []string{"UPSTASH_REDIS_REST_TOKEN=A<alnum:8>"}},
}
