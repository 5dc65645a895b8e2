package secret

// codeSpecs are credentials of source hosting, building and publishing.
var codeSpecs = []spec{
	// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
	{id: "github-token", expr: `\b(gh[opsru]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})`, like: []string{"ghp_<alnum:36>", "github_pat_<alnum:22>_<alnum:59>"}, unlike: []string{"ghp_<alnum:8>"}},
	{id: "github-app-token-jwt", expr: `\b(ghs_\d{4,12}_ey[\w-]{10,400}\.ey[\w-]{10,}(?:\.[\w-]{10,600})?)`, like: []string{"ghs_20260101_ey<alnum:30>.ey<alnum:40>.<alnum:30>"}, unlike: []string{"ghs_2026_ey"}},
	{id: "github-client", expr: `(?i)github[_ .-]?(?:[\w.-]{0,20}[_ .-])?(?:id|key|token|secret|pat|auth)["'\x60\]]{0,2}\s{0,3}(?:=>|:=|[=:,])\s{0,3}["'\x60]?((?:[a-f0-9]{40}|[a-f0-9]{20}))\b`, entropy: 3, like: []string{"GITHUB_SECRET=<hex:40>", "GITHUB_CLIENT_ID=<hex:20>"}, unlike: []string{"github commit <hex:40>"}},
	// https://docs.gitlab.com/security/tokens/#token-prefixes
	{id: "gitlab-token", expr: `\b((?:glpat|gldt|glrt|glrtr|glptt|glft|glimt|glagent|glwt|glsoat|glffct|gloas)-[\w-]{20,300}(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?|glcbt-[A-Za-z0-9]{1,5}_[\w-]{20}|GR1348941[\w-]{20})`, like: []string{"glpat-<alnum:20>", "GR1348941<alnum:20>"}, unlike: []string{"glpat-<alnum:8>"}},
	// https://support.atlassian.com/bitbucket-cloud/docs/app-passwords/ and /access-tokens/
	{id: "atlassian-token", expr: `\b(ATATT3[\w=-]{150,250}|ATCTT3[\w=-]{150,250}|ATBB[A-Za-z0-9]{24}[A-F0-9]{8}|BBDC-[A-Za-z0-9+/@_-]{40,50})`, like: []string{"ATBB<alnum:24>0A1B2C3D", "BBDC-<alnum:44>"}, unlike: []string{"ATBB<alnum:8>"}},
	// https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html (base64 of an id, a colon and bytes)
	{id: "atlassian-server-token", expr: `\b([MNO][AQDTgjwz][A-Za-z0-9+/]{10,14}O[g-v][A-Za-z0-9+/]{26,28})\b`, entropy: 4.3, like: nil, unlike: nil},
	// npm, "About access tokens" and the npmrc reference
	{id: "npm-token", expr: `\b(npm_[A-Za-z0-9]{36})\b`, like: []string{"npm_<alnum:36>"}, unlike: []string{"npm_<alnum:8>"}},
	{id: "npmrc-auth", expr: `(?::|\b)_(?:authToken|auth|password)\s{0,2}=\s{0,2}["']?([\w+/=.-]{8,})`, entropy: 2.5, like: []string{"//registry.example.org/:_authToken=<uuid:1>", "_auth=<b64:24>"}, unlike: []string{"//registry.example.org/:_authToken=${NPM_TOKEN}"}},
	// The Python package index, help on API tokens (a macaroon, its first packet names the host)
	{id: "pypi-token", expr: `(pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZ)[\w-]{50,1000})`, like: []string{"pypi-AgEIcHlwaS5vcmc<alnum:120>"}, unlike: []string{"pypi-AgEIcHlwaS5vcmc<alnum:8>"}},
	// https://guides.rubygems.org/api-key-scopes/
	{id: "rubygems-token", expr: `\b(rubygems_[a-f0-9]{48})\b`, like: []string{"rubygems_<hex:48>"}, unlike: []string{"rubygems_<hex:8>"}},
	// https://doc.rust-lang.org/cargo/reference/registry-authentication.html
	{id: "crates-token", alone: true, expr: `\b(cio[A-Za-z0-9]{32})\b`, entropy: 4, like: []string{"cio<alnum:32>"}, unlike: []string{"cio<alnum:8>"}},
	// https://learn.microsoft.com/en-us/nuget/nuget-org/scoped-api-keys
	{id: "nuget-key", expr: `\b(oy2[a-z0-9]{43})\b`, entropy: 3.5, like: []string{"oy2<b32:43>"}, unlike: []string{"oy2<b32:8>"}},
	{id: "nuget-password", expr: `(?i)<add\s{1,3}key="(?:ClearText)?Password"\s{0,3}value="([^"\n]{4,200})"`, like: []string{"<add key=\"ClearTextPassword\" value=\"<alnum:12>\" />"}, unlike: []string{"<add key=\"ClearTextPassword\" value=\"%PASSWORD%\" />"}},
	// https://docs.docker.com/security/access-tokens/, https://docs.docker.com/reference/cli/docker/login/
	{id: "docker-token", expr: `\b(dckr_[op]at_[\w-]{24,60})`, like: []string{"dckr_pat_<alnum:27>"}, unlike: []string{"dckr_pat_<alnum:8>"}},
	{id: "docker-config-auth", expr: `"(?:auth|identitytoken)"\s{0,4}:\s{0,4}"([A-Za-z0-9+/_.-]{12,}={0,2})"`, entropy: 3, like: []string{"{\"auths\": {\"r.example\": {\"auth\": \"<b64:24>\"}}}"}, unlike: []string{"{\"auth\": \"none\"}"}},
	// https://packagist.com/docs/api
	{id: "packagist-token", expr: `\b(packagist_(?:[ou][ru][a-z]|ac[ks]|u[iu]t)_[a-f0-9]{20,96})`, like: []string{"packagist_uut_<hex:68>", "packagist_ack_<hex:26>"}, unlike: []string{"packagist_uut_<hex:4>"}},
	// https://docs.deno.com/deploy/api/rest/
	{id: "deno-token", expr: `\b(dd[pow]_[A-Za-z0-9]{36})\b`, like: []string{"ddp_<alnum:36>"}, unlike: []string{"ddp_<alnum:8>"}},
	// https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
	{id: "jfrog-token", expr: `\b(AKCp?[A-Za-z0-9]{10,73}|cmVmd[A-Za-z0-9]{59})\b`, entropy: 3.5, like: []string{"AKCp<alnum:69>"}, unlike: []string{"AKCp<alnum:4>"}},
	{id: "artifactory-password", alone: true, expr: `\b(AP\d[A-Za-z0-9]{10,72}|AP[A-Fa][A-Za-z]{0,20}\d[A-Za-z0-9]{9,60})\b`, like: []string{"key=AP6<alnum:40>"}, unlike: []string{"AP6<alnum:4>"}},
	// https://circleci.com/docs/managing-api-tokens/
	{id: "circleci-token", expr: `\b(CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[A-Za-z0-9]{40})\b`, like: []string{"CCIPAT_<alnum:22>_<hex:40>"}, unlike: []string{"CCIPAT_<alnum:8>"}},
	// https://buildkite.com/docs/apis/managing-api-tokens
	{id: "buildkite-token", expr: `\b(bk(?:ua|aj|ct|ps|at)_[A-Za-z0-9]{40,})\b`, like: []string{"bkua_<hex:40>"}, unlike: []string{"bkua_<hex:8>"}},
	// https://docs.sonarsource.com/sonarqube-server/latest/user-guide/managing-tokens/
	{id: "sonarqube-token", expr: `\b(sq[apu]_[a-f0-9]{40})\b`, like: []string{"squ_<hex:40>"}, unlike: []string{"squ_<hex:8>"}},
	// https://docs.mergify.com/api/usage/
	{id: "mergify-key", expr: `\b(mergify_application_key_[\w-]{40,90})`, like: []string{"mergify_application_key_<alnum:64>"}, unlike: []string{"mergify_application_key_<alnum:8>"}},
	// https://docs.dependencytrack.org/integrations/rest-api/
	{id: "dependency-track-key", expr: `\b(odt_[A-Za-z0-9_]{32,45})\b`, like: []string{"odt_<alnum:32>"}, unlike: []string{"odt_<alnum:8>"}},
	// https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token
	{id: "sourcegraph-token", expr: `\b(sg[psd]_(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40})`, like: []string{"sgp_<hex:16>_<hex:40>"}, unlike: []string{"sgp_<hex:8>"}},
	// https://docs.sentry.io/api/guides/create-auth-token/, https://docs.sentry.io/concepts/key-terms/dsn-explainer/
	{id: "sentry-token", expr: `\b(sntry[us]_[A-Za-z0-9+/=_]{60,500})`, like: []string{"sntryu_<hex:64>"}, unlike: []string{"sntryu_<hex:8>"}},
	{id: "sentry-dsn", expr: `(https?://[a-f0-9]{32}(?::[a-f0-9]{32})?@[\w.-]{1,80}/\d{1,20})\b`, like: []string{"https://<hex:32>@o1.ingest.sentry.io/123"}, unlike: []string{"https://<hex:12>@o1.ingest.sentry.io/123"}},
	// https://docs.djangoproject.com/en/stable/ref/settings/#secret-key
	{id: "django-secret-key", expr: `SECRET_KEY["']?\s{0,3}[=:]\s{0,3}[rb]?["']([^"'\n]{32,100})["']`, entropy: 3.3, like: []string{"SECRET_KEY = '<alnum:50>'"}, unlike: []string{"SECRET_KEY = os.environ['SECRET_KEY']"}},
	// https://guides.rubyonrails.org/security.html#custom-credentials
	{id: "rails-secret-key", expr: `(?i)(?:secret_key_base|secret_token|master[._]key)["']?\s{0,3}(?:=>|:=|[=:,])\s{0,3}["']?([a-f0-9]{30,140})\b`, entropy: 3, like: []string{"secret_key_base: <hex:128>"}, unlike: []string{"secret_key_base: <hex:8>"}},
	// https://laravel.com/docs/encryption#configuration
	{id: "laravel-app-key", expr: `\bAPP_KEY\s{0,2}[=:]\s{0,2}["']?(base64:[A-Za-z0-9+/]{42,44}={0,2})`, like: []string{"APP_KEY=base64:<b64:43>="}, unlike: []string{"APP_KEY=base64:<b64:8>"}},
	// https://developer.wordpress.org/advanced-administration/wordpress/wp-config/#security-keys
	{id: "wordpress-salt", expr: `define\(\s{0,4}['"](?:AUTH|SECURE_AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)['"]\s{0,4},\s{0,4}['"]([^'"\n]{40,100})['"]`, entropy: 4, like: []string{"define('AUTH_KEY', '<print:64>');"}, unlike: []string{"define('AUTH_KEY', 'put your unique phrase here');"}},
	// https://learn.microsoft.com/en-us/dotnet/api/system.web.configuration.machinekeysection
	{id: "aspnet-machine-key", expr: `(?i)(?:validation|decryption)Key\s{0,2}=\s{0,2}["']([A-F0-9]{40,128})["']`, entropy: 3, like: []string{"validationKey=\"<hex:64>\""}, unlike: []string{"validationKey=\"AutoGenerate\""}},
	// https://www.jenkins.io/doc/book/installing/, https://www.jenkins.io/doc/book/system-administration/authenticating-scripted-clients/
	{id: "jenkins-password", expr: `(?i)jenkins[\s\S]{1,600}?(?:password|initialAdminPassword)[^\n]{0,200}\n{1,6}([a-f0-9]{32})\b`, entropy: 3, like: []string{"Jenkins initial setup is required.\nuse the following password to proceed:\n\n<hex:32>\n"}, unlike: []string{"Jenkins needs a password.\n\n<hex:12>\n"}},
	{id: "jenkins-token", expr: `(?i)jenkins[\w .-]{0,30}?["']?\s{0,3}[=:]\s{0,3}["']?([a-f0-9]{32,34})\b`, entropy: 3, like: []string{"JENKINS_TOKEN=11<hex:32>"}, unlike: []string{"JENKINS_TOKEN=<hex:8>"}},
	// https://www.jetbrains.com/help/youtrack/server/manage-permanent-token.html
	{id: "jetbrains-token", expr: `\b(perm[-:][A-Za-z0-9+/=]{8,60}\.[A-Za-z0-9+/=]{2,40}\.[A-Za-z0-9+/=]{20,60})`, entropy: 3.5, like: []string{"perm-<b64:12>.<b64:8>.<b64:30>"}, unlike: []string{"perm-<b64:4>"}},
	// https://www.gradle.com/ (an API key of Gradle plugin publishing and of build files)
	{id: "gradle-credentials", expr: `(?i)credentials\s{0,4}\{\s{1,80}username\s{0,3}=?\s{0,3}["'][^"'\n$]{1,80}["']\s{1,80}password\s{0,3}=?\s{0,3}["']([^"'\n$]{2,80})["']`, like: []string{"credentials {\n  username 'ci'\n  password '<alnum:12>'\n}"}, unlike: []string{"credentials {\n  username 'ci'\n  password \"$pw\"\n}"}},
	// https://octopus.com/docs/octopus-rest-api/how-to-create-an-api-key
	{id: "octopus-key", expr: `\b(API-[A-Z0-9]{25,34})\b`, entropy: 3.5, like: []string{"API-<upper:30>"}, unlike: []string{"API-<upper:8>"}},
	// https://docs.travis-ci.com/user/triggering-builds/
	{id: "travis-token", expr: `(?i)travis[\w .-]{0,20}["']?\s{0,3}[=: ]\s{0,3}["']?([A-Za-z0-9_-]{22})\b`, entropy: 3.3, like: []string{"travis_token <alnum:22>"}, unlike: []string{"travis_token <alnum:8>"}},
	// https://docs.cypress.io/cloud/account-management/projects#Record-key
	{id: "cypress-record-key", expr: `--record\s{1,3}--key\s{1,3}([a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})`, like: []string{"--record --key <uuid:1>"}, unlike: []string{"--record --key <hex:8>"}},
	// https://www.truenas.com/docs/scale/scaletutorials/systemsettings/api/
	{id: "truenas-key", expr: `(?i)(?:auth\.login_with_api_key|bearer)[\s\S]{0,60}?\b(\d{1,3}-[A-Za-z0-9]{64})\b`, like: []string{"Bearer 1-<alnum:64>"}, unlike: []string{"Bearer 1-<alnum:8>"}},
}
