package secret

// serviceSpecs are credentials of messaging, monitoring and other services.
var serviceSpecs = []spec{
	// https://api.slack.com/concepts/token-types, https://api.slack.com/messaging/webhooks
	{id: "slack-token", expr: `\b(xox[abeoprs]-(?:\d-)?[A-Za-z0-9]{4,}(?:-[A-Za-z0-9]{4,}){1,6}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,250}|xapp-\d{1,6}-[A-Za-z0-9]{6,}-\d{6,}-[A-Za-z0-9]{20,}|xwfp-[\w-]{40,})`, like: []string{"xoxb-<digit:12>-<digit:12>-<alnum:24>"}, unlike: []string{"xoxb-token"}},
	{id: "slack-webhook", expr: `(hooks\.slack\.com/(?:services/[A-Za-z0-9]{6,}/[A-Za-z0-9]{6,}/[A-Za-z0-9]{12,}|(?:workflows|triggers)/[A-Za-z0-9/]{30,120}))`, like: []string{"https://hooks.slack.com/services/T<upper:8>/B<upper:8>/<alnum:24>"}, unlike: []string{"https://hooks.slack.com/services/"}},
	// https://discord.com/developers/docs/reference#authentication, /resources/webhook
	{id: "discord-bot-token", alone: true, expr: `([MNOA][A-Za-z0-9_-]{22,25}\.[\w-]{6}\.[\w-]{24,40})`, entropy: 4, like: []string{"M<alnum:23>.<alnum:6>.<alnum:27>"}, unlike: []string{"My.package.name"}},
	{id: "discord-webhook", expr: `(?:discord|discordapp)\.com/api/(?:v\d{1,2}/)?webhooks/(\d{17,20}/[\w-]{60,80})`, like: []string{"https://discord.com/api/webhooks/<digit:18>/<alnum:68>"}, unlike: []string{"https://discord.com/api/webhooks/<digit:18>"}},
	{id: "discord-id", expr: `(?i)discord[\w .-]{0,20}(?:secret|token)["']?\s{0,3}[=:]\s{0,3}["']?([\w-]{32,80})`, entropy: 3.5, like: []string{"DISCORD_SECRET=<alnum:32>"}, unlike: []string{"DISCORD_SECRET=<alnum:8>"}},
	// https://core.telegram.org/bots/api#authorizing-your-bot
	{id: "telegram-bot-token", expr: `\b(\d{8,10}:AA[\w-]{32,33})(?:[^\w-]|$)`, like: []string{"<digit:10>:AA<alnum:33>"}, unlike: []string{"<digit:10>:AA<alnum:8>"}},
	// https://www.twilio.com/docs/iam/api-keys, https://www.twilio.com/docs/glossary/what-is-a-sid
	{id: "twilio-key", expr: `\b((?:SK|AC)[a-f0-9]{32})\b`, entropy: 3, like: []string{"SK<hex:32>"}, unlike: []string{"SK<hex:8>"}},
	// https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
	{id: "sendgrid-key", expr: `\b(SG\.[\w-]{16,32}\.[\w-]{16,64})`, like: []string{"SG.<alnum:22>.<alnum:43>"}, unlike: []string{"SG.<alnum:4>"}},
	// https://documentation.mailgun.com/docs/mailgun/user-manual/get-started
	{id: "mailgun-key", expr: `\b(key-[a-f0-9]{32})\b`, like: []string{"key-<hex:32>"}, unlike: []string{"key-<hex:8>"}},
	{id: "mailgun-signing", expr: `\b([a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})\b`, entropy: 3, like: []string{"<hex:32>-<hex:8>-<hex:8>"}, unlike: []string{"<hex:8>-<hex:8>-<hex:8>"}},
	// https://mailchimp.com/developer/marketing/guides/quick-start/
	{id: "mailchimp-key", expr: `\b([a-f0-9]{32}-us\d{1,2})\b`, entropy: 3, like: []string{"<hex:32>-us6"}, unlike: []string{"<hex:8>-us6"}},
	// https://developers.brevo.com/docs/getting-started
	{id: "brevo-key", expr: `\b(x(?:keysib|smtpsib)-[a-f0-9]{64}-[A-Za-z0-9]{16})\b`, like: []string{"xkeysib-<hex:64>-<alnum:16>"}, unlike: []string{"xkeysib-<hex:8>"}},
	// https://resend.com/docs/api-reference/introduction
	{id: "resend-key", expr: `\b(re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,30})\b`, entropy: 4, like: []string{"re_<alnum:8>_<alnum:24>"}, unlike: []string{"re_<alnum:8>"}},
	// https://developers.facebook.com/docs/facebook-login/guides/access-tokens
	{id: "facebook-token", expr: `\b(EAA[A-Za-z0-9]{80,400}|EAACEdEose0cBA[A-Za-z0-9]{10,400})`, entropy: 4, like: []string{"EAA<alnum:120>"}, unlike: []string{"EAA<alnum:8>"}},
	{id: "facebook-app-secret", expr: `(?i)(?:facebook|\bfb)[\w .-]{0,30}["']?\s{0,24}(?:=>|:=|[=:,])\s{0,24}["']?([a-f0-9]{32})\b`, entropy: 3, like: []string{"fbApiKey: \"<hex:32>\""}, unlike: []string{"fbApiKey: \"<hex:8>\""}},
	// https://developers.facebook.com/docs/instagram-platform
	{id: "instagram-token", expr: `\b(IG(?:QV|AA)[A-Za-z0-9_-]{80,250})`, like: []string{"IGQV<alnum:120>"}, unlike: []string{"IGQV<alnum:8>"}},
	// https://docs.x.com/fundamentals/authentication/oauth-2-0/bearer-tokens
	{id: "twitter-bearer-token", expr: `\b(AAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%+/=_-]{30,120})`, entropy: 3, like: []string{"AAAAAAAAAAAAAAAAAAAAA<alnum:80>"}, unlike: []string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
	{id: "twitter-key", expr: `(?i)(?:twitter_?|\bx_)(?:api|consumer|access|id|secret)[\w .-]{0,30}["']?\s{0,24}(?:=>|:=|[=:,])\s{0,24}["']?([A-Za-z0-9]{18,25}|\d{6,20}-[A-Za-z0-9]{40}|[A-Za-z0-9]{35,50})["'\s,]`, entropy: 3.5, like: []string{"TWITTER_API_KEY = \"<alnum:25>\""}, unlike: []string{"TWITTER_API_KEY = \"<alnum:8>\""}},
	// https://dev.twitch.tv/docs/ (stream keys)
	{id: "twitch-stream-key", expr: `\b(live_\d{6,12}_[A-Za-z0-9]{28,40})\b`, like: []string{"live_<digit:9>_<alnum:30>"}, unlike: []string{"live_<digit:9>"}},
	// https://developer.spotify.com/documentation/web-api/concepts/access-token
	{id: "spotify-token", alone: true, expr: `\b(BQ[A-Za-z0-9_-]{80,300})`, entropy: 4.5, like: []string{"BQ<alnum:120>"}, unlike: []string{"BQ<alnum:8>"}},
	// https://developers.notion.com/docs/authorization
	{id: "notion-token", expr: `\b(secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,50})\b`, entropy: 3.5, like: []string{"secret_<alnum:43>", "ntn_<digit:11><alnum:35>"}, unlike: []string{"secret_<alnum:8>"}},
	// https://www.figma.com/developers/api#access-tokens
	{id: "figma-token", expr: `\b(fig[dou][hr]?_[\w-]{40,48})`, like: []string{"figd_<alnum:40>"}, unlike: []string{"figd_<alnum:8>"}},
	// https://airtable.com/developers/web/api/authentication
	{id: "airtable-token", expr: `\b(pat[A-Za-z0-9]{14}\.[a-f0-9]{64})\b`, like: []string{"pat<alnum:14>.<hex:64>"}, unlike: []string{"pat<alnum:14>"}},
	// https://developers.asana.com/docs/personal-access-token
	{id: "asana-token", expr: `\b([012]/\d{10,20}(?:/\d{10,20})?:[A-Za-z0-9]{32})\b`, like: []string{"1/<digit:16>:<hex:32>"}, unlike: []string{"1/<digit:16>"}},
	{id: "asana-key", expr: `(?i)asana[\w .-]{0,20}["']?\s{0,3}[=: ]\s{0,3}["']?["']?([A-Za-z0-9]{32,50})\b`, entropy: 3, like: []string{"asana: '<hex:42>'"}, unlike: []string{"asana: '<hex:8>'"}},
	// https://linear.app/developers/graphql
	{id: "linear-key", expr: `\b(lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,64})\b`, like: []string{"lin_api_<alnum:40>"}, unlike: []string{"lin_api_<alnum:8>"}},
	// https://developer.clickup.com/docs/authentication
	{id: "clickup-token", expr: `\b(pk_\d{6,9}_[A-Z0-9]{32})\b`, like: []string{"pk_<digit:8>_<upper:32>"}, unlike: []string{"pk_<digit:8>"}},
	// https://developers.hubspot.com/docs/guides/apps/private-apps/overview
	{id: "hubspot-token", expr: `\b(pat-(?:na|eu|ap)\d-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})\b`, like: []string{"pat-na1-<uuid:1>"}, unlike: []string{"pat-na1-<hex:8>"}},
	// https://www.contentful.com/developers/docs/references/authentication/
	{id: "contentful-token", expr: `\b(CFPAT-[\w-]{43})`, like: []string{"CFPAT-<alnum:43>"}, unlike: []string{"CFPAT-<alnum:8>"}},
	// https://learning.postman.com/docs/developer/postman-api/authentication/
	{id: "postman-key", expr: `\b(PMA[KT]-[A-Za-z0-9]{24,30}(?:-[a-f0-9]{34})?)\b`, like: []string{"PMAK-<hex:24>-<hex:34>"}, unlike: []string{"PMAK-<hex:4>"}},
	// https://docs.readme.com/main/reference/authentication
	{id: "readme-key", expr: `\b(rdme_[a-z0-9]{60,80})\b`, like: []string{"rdme_<lower:70>"}, unlike: []string{"rdme_<lower:8>"}},
	// https://posthog.com/docs/api (project keys are public but name the project)
	{id: "posthog-key", expr: `\b(ph[acrsx]_[A-Za-z0-9]{40,50})\b`, like: []string{"phx_<alnum:43>"}, unlike: []string{"phx_<alnum:8>"}},
	// https://launchdarkly.com/docs/home/account/api
	{id: "launchdarkly-key", expr: `\b((?:sdk|api|mob)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})\b`, like: []string{"sdk-<uuid:1>"}, unlike: []string{"sdk-<hex:8>"}},
	// https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/
	{id: "newrelic-key", expr: `\b(NR(?:AK|AA|II|IQ|SP|RA|PR|BR|JS|AL)-[A-Za-z0-9_-]{16,60})`, like: []string{"NRAK-<upper:27>"}, unlike: []string{"NRAK-<upper:4>"}},
	{id: "newrelic-license", expr: `\b([a-z0-9]{36}NRAL)\b`, like: []string{"<hex:36>NRAL"}, unlike: []string{"<hex:6>NRAL"}},
	// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-api/basics/dynatrace-api-authentication
	{id: "dynatrace-token", expr: `\b(dt0[a-z]\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{64})\b`, like: []string{"dt0c01.<upper:24>.<upper:64>"}, unlike: []string{"dt0c01.<upper:24>"}},
	// https://grafana.com/docs/grafana/latest/administration/service-accounts/
	{id: "grafana-token", expr: `\b(gl(?:sa|c)_[A-Za-z0-9+/]{32,400}={0,3}(?:_[A-Fa-f0-9]{8})?)`, entropy: 3.5, like: []string{"glsa_<alnum:32>_<hex:8>"}, unlike: []string{"glsa_<alnum:8>"}},
	// https://docs.datadoghq.com/account_management/api-app-keys/
	{id: "datadog-key", expr: `(?i)(?:datadog|\bdd_)[\w .-]{0,20}key["']?\s{0,3}[=:]\s{0,3}["']?([a-f0-9]{32}|[a-f0-9]{40})\b`, entropy: 3, like: []string{"DD_API_KEY=<hex:32>"}, unlike: []string{"DD_API_KEY=<hex:8>"}},
	// https://docs.honeycomb.io/get-started/configure/environments/manage-api-keys/
	{id: "honeycomb-key", expr: `\b(hc[abx][il][kc]_[a-z0-9]{58,64})\b`, like: []string{"hcaik_<lower:58>"}, unlike: []string{"hcaik_<lower:8>"}},
	// https://developer.pagerduty.com/docs/authentication
	{id: "pagerduty-key", expr: `(?i)pager_?duty[\w .-]{0,20}["']?\s{0,3}[=:]\s{0,3}["']?([\w+-]{20}|[a-f0-9]{32})\b`, entropy: 3, like: []string{"PAGERDUTY_TOKEN=<alnum:20>"}, unlike: []string{"PAGERDUTY_TOKEN=<alnum:8>"}},
	// https://www.pubnub.com/docs/general/metadata/basics
	{id: "pubnub-key", expr: `\b((?:pub|sub|sec)-c-[A-Za-z0-9]{8}(?:-[A-Za-z0-9]{4}){3}-[A-Za-z0-9]{12}|sec-c-[A-Za-z0-9+/=]{40,60})`, like: []string{"pub-c-<uuid:1>"}, unlike: []string{"pub-c-<hex:8>"}},
	// https://developer.riotgames.com/docs/portal
	{id: "riot-key", expr: `(?i)\b(RGAPI-[a-z0-9]{8}(?:-[a-z0-9]{4}){3}-[a-z0-9]{12})\b`, like: []string{"RGAPI-<uuid:1>"}, unlike: []string{"RGAPI-<hex:8>"}},
	// https://developer.nylas.com/docs/v3/auth/
	{id: "nylas-key", expr: `\b(nyk_[A-Za-z0-9_]{60,80})`, like: []string{"nyk_v0_<alnum:64>"}, unlike: []string{"nyk_<alnum:8>"}},
	// https://io.adafruit.com/api/docs/#authentication
	{id: "adafruit-key", expr: `\b(aio_[A-Za-z0-9]{28})\b`, like: []string{"aio_<alnum:28>"}, unlike: []string{"aio_<alnum:8>"}},
	// https://docs.blynk.io/en/blynk.cloud/device-https-api
	{id: "blynk-token", expr: `(?i)blynk[^\n]{0,80}?\b([A-Za-z0-9_-]{32})\b`, entropy: 4, like: []string{"https://blynk.cloud/external/api/get?token=<alnum:32>&V1"}, unlike: []string{"https://blynk.cloud/external/api/get?token=<alnum:8>&V1"}},
	// https://docs.fleetbase.io/api
	{id: "fleetbase-key", expr: `\b(flb_(?:live|test)_[A-Za-z0-9]{20})\b`, like: []string{"flb_live_<alnum:20>"}, unlike: []string{"flb_live_<alnum:8>"}},
	// https://docs.mapbox.com/help/dive-deeper/access-tokens/
	{id: "mapbox-token", expr: `\b([st]k\.eyJ[A-Za-z0-9_-]{40,200}\.[A-Za-z0-9_-]{20,60})`, like: []string{"sk.eyJ<alnum:60>.<alnum:22>"}, unlike: []string{"sk.eyJ<alnum:8>"}},
	// https://www.zoho.com/crm/developer/docs/api/v7/access-refresh.html
	{id: "zoho-token", expr: `\b(1000\.[a-f0-9]{28,34}\.[a-f0-9]{28,34})\b`, like: []string{"1000.<hex:32>.<hex:32>"}, unlike: []string{"1000.<hex:8>"}},
	// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_access_tokens.htm
	{id: "salesforce-token", expr: `\b(00D[A-Za-z0-9]{9,15}![\w.]{60,130})`, like: []string{"00D<alnum:12>!<alnum:90>"}, unlike: []string{"00D<alnum:12>"}},
	{id: "salesforce-client", expr: `\b(3MVG[\w.]{30,120})`, like: []string{"3MVG9<alnum:80>"}, unlike: []string{"3MVG9<alnum:8>"}},
	// https://developer.okta.com/docs/guides/create-an-api-token/
	{id: "okta-token", expr: `(?i)(?:okta|ssws)[\w .-]{0,40}?["']?[\s=:]{1,4}["']?(00[\w-]{40})\b`, like: []string{"okta_api_token = 00<alnum:40>", "Authorization: SSWS 00<alnum:40>"}, unlike: []string{"okta_api_token = 00<alnum:8>"}},
	// https://zapier.com/help/doc/how-use-webhooks-zapier
	{id: "zapier-webhook", expr: `hooks\.zapier\.com/hooks/catch/(\d{4,10}/[A-Za-z0-9]{5,10})`, like: []string{"https://hooks.zapier.com/hooks/catch/<digit:8>/<alnum:7>/"}, unlike: []string{"https://hooks.zapier.com/hooks/catch/"}},
	// https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/
	{id: "teams-webhook", expr: `(\.webhook\.office\.com/webhookb2/[\w@/-]{60,250})`, like: []string{"https://x.webhook.office.com/webhookb2/<uuid:1>@<uuid:1>/IncomingWebhook/<hex:32>/<uuid:1>"}, unlike: []string{"https://x.webhook.office.com/webhookb2/"}},
	// https://docs.alchemy.com, https://docs.infura.io/api/getting-started
	{id: "rpc-url-key", expr: `(?:alchemyapi\.io|alchemy\.com|infura\.io|quiknode\.pro)/(?:(?:ws/)?v\d/)?([A-Za-z0-9_-]{32,40})\b`, entropy: 3, like: []string{"https://mainnet.infura.io/v3/<hex:32>"}, unlike: []string{"https://mainnet.infura.io/v3/"}},
	// https://www.dropbox.com/developers/documentation/http/documentation
	{id: "dropbox-token", expr: `\b(sl\.(?:u\.)?[\w-]{120,}|[A-Za-z0-9]{11}AAAAAAAAAA[\w-]{43})`, entropy: 3.5, like: []string{"sl.<alnum:135>", "<alnum:11>AAAAAAAAAA<alnum:43>"}, unlike: []string{"sl.<alnum:8>"}},
	// https://support.1password.com/secret-key-security/, https://developer.1password.com/docs/service-accounts/
	{id: "onepassword-key", expr: `\b(A3-[A-Z0-9]{6}-[A-Z0-9]{5,6}(?:-[A-Z0-9]{5,6}){3,4}|ops_eyJ[A-Za-z0-9+/_-]{60,}={0,3})`, entropy: 2, like: []string{"A3-<upper:6>-<upper:6>-<upper:5>-<upper:5>-<upper:5>-<upper:5>"}, unlike: []string{"A3-<upper:6>"}},
	// https://docs.defined.net/guides/automating-host-creation/
	{id: "defined-networking-key", expr: `\b(dnkey-[A-Z0-9]{26}-[A-Z0-9]{52})\b`, like: []string{"dnkey-<upper:26>-<upper:52>"}, unlike: []string{"dnkey-<upper:8>"}},
	// https://developers.weixin.qq.com/doc/
	{id: "wechat-app-id", alone: true, expr: `\b(wx[a-f0-9]{16})\b`, entropy: 2.9, like: []string{"wx<hex:16>"}, unlike: []string{"wx<hex:8>"}},
	// https://dev.vk.com/en/api/access-token/getting-started
	{id: "vk-token", expr: `\b(vk1\.a\.[\w-]{100,300})`, like: []string{"vk1.a.<alnum:180>"}, unlike: []string{"vk1.a.<alnum:8>"}},
	// https://docs.wiz.io, https://docs.gitguardian.com and others with plain prefixes
	{id: "ghost-key", expr: `\b([a-f0-9]{24}:[a-f0-9]{64})\b`, like: []string{"<hex:24>:<hex:64>"}, unlike: []string{"<hex:8>:<hex:64>"}},
	// https://docs.typeform.com/docs/get-started/personal-access-token/
	{id: "typeform-token", expr: `\b(tfp_[\w.=-]{40,60})`, like: []string{"tfp_<alnum:44>"}, unlike: []string{"tfp_<alnum:8>"}},
	// https://docs.maxmind.com/geoip/geolocate-an-ip/
	{id: "maxmind-key", expr: `\b([A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)\b`, like: []string{"<alnum:6>_<alnum:29>_mmk"}, unlike: []string{"<alnum:6>_mmk"}},
	// https://docs.intercom.com/, https://developers.intercom.com (base64 of "tok:")
	{id: "intercom-token", expr: `\b(dG9rO[A-Za-z0-9+/=]{40,80})`, like: []string{"dG9rO<b64:52>"}, unlike: []string{"dG9rO<b64:8>"}},
	// https://docs.mattermost.com and https://api.mattermost.com (26 characters with a name)
	{id: "segment-key", expr: `\b(sgp_[A-Za-z0-9]{64})\b`, like: []string{"sgp_<alnum:64>"}, unlike: []string{"sgp_<alnum:8>"}},
}
