// Command clients asks Doorward's gateway with OpenAI's own Go client and prints
// what it got, one JSON object a line; the test above this folder judges it. It is
// a module of its own, so that Doorward does not depend on that client.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/openai/openai-go/v3"
)

type got struct {
	Case      string `json:"case"`
	Text      string `json:"text"`
	Finish    string `json:"finish"`
	Arguments string `json:"arguments"`
}

func main() {
	ctx := context.Background()
	client, err := openaiFor("ann", "staff")
	if err != nil {
		log.Fatal(err)
	}
	tools := []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "send_mail", Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"body": map[string]any{"type": "string"}}},
	})}
	out := json.NewEncoder(os.Stdout)
	for _, c := range []struct {
		name, model string
		tools       []openai.ChatCompletionToolUnionParam
	}{{"whole", "test-leak", nil}, {"tools", "test-tools", tools}, {"stop", "test-stop", nil}} {
		q := openai.ChatCompletionNewParams{Model: c.model, Tools: c.tools, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("When is the crane repaired?")}}
		whole, err := client.Chat.Completions.New(ctx, q)
		if err != nil {
			log.Fatal(c.name, ": ", err)
		}
		_ = out.Encode(result(c.name, whole.Choices[0]))

		stream := client.Chat.Completions.NewStreaming(ctx, q)
		all := openai.ChatCompletionAccumulator{}
		for stream.Next() {
			all.AddChunk(stream.Current())
		}
		if err := stream.Err(); err != nil {
			log.Fatal(c.name, " stream: ", err)
		}
		name := c.name + " stream"
		if c.name == "whole" {
			name = "stream"
		}
		_ = out.Encode(result(name, all.Choices[0]))
	}
}

func result(name string, c openai.ChatCompletionChoice) got {
	g := got{Case: name, Text: c.Message.Content, Finish: c.FinishReason}
	if len(c.Message.ToolCalls) > 0 {
		g.Arguments = c.Message.ToolCalls[0].Function.Arguments
	}
	return g
}
