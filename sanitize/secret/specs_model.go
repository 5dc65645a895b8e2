package secret

// modelSpecs are keys of model and data services.
var modelSpecs = []spec{
	// https://docs.anthropic.com/en/api/getting-started
	{id: "anthropic-key", expr: `\b(sk-ant-[a-z]{3,8}\d{2}-[\w-]{32,128})`, like: []string{"sk-ant-api03-<word:48>"}, unlike: []string{"sk-ant-api03-<word:10>"}},
	// https://platform.openai.com/docs/api-reference/authentication
	{id: "openai-key", expr: `\b(sk-(?:proj|svcacct|admin|None)-[\w-]{32,200})`, like: []string{"sk-proj-<word:48>"}, unlike: []string{"sk-proj-<word:12> "}},
	{id: "openai-key-legacy", expr: `\b(sk-[A-Za-z0-9]{48})\b`, entropy: 3.5, like: []string{"sk-<alnum:48>"}, unlike: []string{"sk-<alnum:40>"}},
	{id: "openai-session", expr: `\b(sess-[A-Za-z0-9]{40})\b`, entropy: 3.5, like: []string{"sess-<alnum:40>"}, unlike: []string{"sess-<alnum:20>"}},
	// https://api-docs.deepseek.com
	{id: "deepseek-key", alone: true, expr: `\b(sk-[a-f0-9]{32})\b`, entropy: 3, like: []string{"sk-<hex:32>"}, unlike: []string{"sk-<hex:31>"}},
	// https://openrouter.ai/docs/api-reference/authentication
	{id: "openrouter-key", expr: `\b(sk-or-v1-[\w-]{40,80})`, like: []string{"sk-or-v1-<hex:64>"}, unlike: []string{"sk-or-v1-<hex:20>"}},
	// https://langfuse.com/docs/api
	{id: "langfuse-key", expr: `\b(sk-lf-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})\b`, like: []string{"sk-lf-<uuid:1>"}, unlike: []string{"sk-lf-<hex:8>"}},
	// https://docs.astral.sh/pyx/
	{id: "pyx-key", expr: `\b(sk-pyx-[\w-]{40,120})`, like: []string{"sk-pyx-<alnum:60>"}, unlike: []string{"sk-pyx-<alnum:10>"}},
	// https://console.groq.com/docs/quickstart
	{id: "groq-key", expr: `\b(gsk_[A-Za-z0-9]{52})\b`, like: []string{"gsk_<alnum:52>"}, unlike: []string{"gsk_<alnum:30>"}},
	// https://docs.x.ai/docs/overview
	{id: "xai-key", expr: `\b(xai-(?:token-)?[A-Za-z0-9]{70,90})\b`, like: []string{"xai-<alnum:80>"}, unlike: []string{"xai-<alnum:30>"}},
	// https://replicate.com/docs/topics/security/api-tokens
	{id: "replicate-token", expr: `\b(r8_[A-Za-z0-9]{37})\b`, like: []string{"r8_<alnum:37>"}, unlike: []string{"r8_<alnum:20>"}},
	// https://huggingface.co/docs/hub/security-tokens
	{id: "huggingface-token", expr: `\b((?:hf|api_org)_[A-Za-z0-9]{34})`, like: []string{"hf_<alnum:34>"}, unlike: []string{"hf_<alnum:20>"}},
	// https://docs.perplexity.ai/guides/api-key-management
	{id: "perplexity-key", expr: `\b(pplx-[A-Za-z0-9]{40,64})`, like: []string{"pplx-<alnum:48>"}, unlike: []string{"pplx-<alnum:20>"}},
	// https://inference-docs.cerebras.ai/quickstart
	{id: "cerebras-key", expr: `\b(csk-[a-z0-9]{48})\b`, like: []string{"csk-<lower:48>"}, unlike: []string{"csk-<lower:20>"}},
	// https://docs.together.ai/reference/authentication-1
	{id: "together-key", expr: `\b(tgp_v1_[\w-]{43})\b`, like: []string{"tgp_v1_<alnum:43>"}, unlike: []string{"tgp_v1_<alnum:20>"}},
	// https://docs.fireworks.ai/getting-started/quickstart
	{id: "fireworks-key", expr: `\b(fw_[A-Za-z0-9]{22,24})\b`, entropy: 3.2, like: []string{"fw_<alnum:24>"}, unlike: []string{"fw_<alnum:12>", "fw_setup_network_device_names"}},
	// https://docs.voyageai.com/docs/api-key-and-installation
	{id: "voyage-key", expr: `\b(pa-[\w-]{43})\b`, entropy: 4, like: []string{"pa-<alnum:43>"}, unlike: []string{"pa-<alnum:20>"}},
	// https://docs.nvidia.com/nim/large-language-models/latest/getting-started.html
	{id: "nvidia-key", expr: `\b(nvapi-[\w-]{60,70})`, like: []string{"nvapi-<alnum:64>"}, unlike: []string{"nvapi-<alnum:20>"}},
	// https://docs.langchain.com/langsmith/create-account-api-key
	{id: "langsmith-key", expr: `\b(lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})\b`, like: []string{"lsv2_pt_<hex:32>_<hex:10>"}, unlike: []string{"lsv2_pt_<hex:10>"}},
	// https://docs.cloud.llamaindex.ai/llamacloud/getting_started/api_key
	{id: "llamaindex-key", expr: `\b(llx-[\w-]{48})\b`, like: []string{"llx-<alnum:48>"}, unlike: []string{"llx-<alnum:20>"}},
	// https://docs.pinecone.io/guides/projects/manage-api-keys
	{id: "pinecone-key", expr: `\b(pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{50,70})\b`, like: []string{"pcsk_<alnum:6>_<alnum:62>"}, unlike: []string{"pcsk_<alnum:6>"}},
	// https://docs.tavily.com/documentation/api-reference/introduction
	{id: "tavily-key", expr: `\b(tvly-(?:dev-|prod-)?[A-Za-z0-9]{32})\b`, like: []string{"tvly-<alnum:32>"}, unlike: []string{"tvly-<alnum:12>"}},
	// https://elevenlabs.io/docs/api-reference/authentication
	{id: "elevenlabs-key", expr: `\b(sk_[a-f0-9]{48})\b`, like: []string{"sk_<hex:48>"}, unlike: []string{"sk_<hex:20>"}},
	// https://wandb.ai/site (API keys since 2025)
	{id: "wandb-key", expr: `\b(wandb_v1_[\w-]{40,100})`, like: []string{"wandb_v1_<alnum:64>"}, unlike: []string{"wandb_v1_<alnum:10>"}},
	// https://docs.runpod.io/get-started/api-keys
	{id: "runpod-key", expr: `\b(rpa_[A-Z0-9]{36,46}[a-z0-9]{0,8})\b`, like: []string{"rpa_<upper:40>"}, unlike: []string{"rpa_<upper:12>"}},
	// https://jina.ai/api-dashboard
	{id: "jina-key", expr: `\b(jina_[a-f0-9]{32}[\w-]{10,60})`, like: []string{"jina_<hex:32><alnum:28>"}, unlike: []string{"jina_<hex:10>"}},
	// https://docs.firecrawl.dev/introduction
	{id: "firecrawl-key", expr: `\b(fc-[a-f0-9]{32})\b`, like: []string{"fc-<hex:32>"}, unlike: []string{"fc-<hex:12>"}},
	// https://e2b.dev/docs/api-key
	{id: "e2b-key", expr: `\b(e2b_[a-f0-9]{40})\b`, like: []string{"e2b_<hex:40>"}, unlike: []string{"e2b_<hex:12>"}},
	// https://docs.friendli.ai/guides/personal_access_tokens
	{id: "friendli-token", expr: `\b(flp_[A-Za-z0-9]{46,48})\b`, like: []string{"flp_<alnum:46>"}, unlike: []string{"flp_<alnum:12>"}},
	// https://docs.cursor.com/en/account/teams/admin-api
	{id: "cursor-key", expr: `\b((?:key|crsr)_[a-f0-9]{64})\b`, like: []string{"key_<hex:64>"}, unlike: []string{"key_<hex:16>"}},
	// https://docs.retellai.com/accounts/api-keys-overview
	{id: "retell-key", expr: `\b(key_[a-f0-9]{28})\b`, entropy: 3, like: []string{"key_<hex:28>"}, unlike: []string{"key_<hex:16>"}},
	// https://docs.apify.com/platform/integrations/api
	{id: "apify-token", expr: `\b(apify_api_[A-Za-z0-9]{36})\b`, like: []string{"apify_api_<alnum:36>"}, unlike: []string{"apify_api_<alnum:12>"}},
	// https://cloud.google.com/vertex-ai/generative-ai/docs/start/api-keys
	{id: "gcp-express-key", expr: `\b(AQ\.Ab8R[\w-]{40,60})`, like: []string{"AQ.Ab8R<alnum:46>"}, unlike: []string{"AQ.Ab8R<alnum:10>"}},
	// https://docs.scale.com/reference/authentication
	{id: "scale-key", expr: `\b((?:live|test)_(?:auth_)?[a-f0-9]{32})\b`, entropy: 3, like: []string{"live_<hex:32>", "live_auth_<hex:32>"}, unlike: []string{"live_<hex:12>"}},
	// https://docs.helicone.ai/helicone-headers/helicone-auth
	{id: "helicone-key", expr: `\b((?:sk|pk)-helicone-(?:eu-)?[a-z0-9]{7}-[a-z0-9]{7}-[a-z0-9]{7}-[a-z0-9]{7})\b`, like: []string{"sk-helicone-<lower:7>-<lower:7>-<lower:7>-<lower:7>"}, unlike: []string{"sk-helicone-<lower:7>"}},
	// https://docs.baseten.co/development/model-apis/overview, https://modal.com/docs/reference/modal.config
	{id: "modal-token", expr: `\b(a[ks]-[A-Za-z0-9]{22})\b`, entropy: 4, like: []string{"as-<alnum:22>"}, unlike: []string{"as-<alnum:8>"}},
	// https://docs.browserbase.com/reference/introduction
	{id: "browserbase-key", expr: `\b(bb_live_[\w-]{24,40})`, like: []string{"bb_live_<alnum:27>"}, unlike: []string{"bb_live_<alnum:8>"}},
	// https://docs.databricks.com/en/dev-tools/auth/pat.html
	{id: "databricks-token", expr: `\b(dapi[a-h0-9]{32})`, like: []string{"dapi<hex:32>"}, unlike: []string{"dapi<hex:12>"}},
	// https://www.kaggle.com/docs/api
	{id: "kaggle-token", expr: `\b(KGAT_[a-f0-9]{32})\b`, like: []string{"KGAT_<hex:32>"}, unlike: []string{"KGAT_<hex:12>"}},
}
