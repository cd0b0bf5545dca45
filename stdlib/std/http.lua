--- HTTP/1.1, both ways. A server works whenever its worker waits; a client waits as the
--- rest of std does. Facts about the world are nil and why.
---
--- ```lua
--- local http = require 'std.http'
---
--- local server = assert(http.listen {
---   host = '127.0.0.1',
---   port = 0,
---   routes = {
---     ['GET /hello/:name'] = function(request, response)
---       return response:send('hello ' .. request.params.name)
---     end,
---     ['POST /echo'] = function(request, response)
---       local value, why = request:json()
---       if why then return response:send(tostring(why), 400) end
---       return response:json(value)
---     end,
---   },
--- })
--- local answer = assert(http.get(server.url .. '/hello/you'))
--- assert(answer.status == 200 and answer.body == 'hello you')
--- server:close()
--- ```
---
--- A worker that serves:
---
--- ```lua
--- local http = require 'std.http'
--- local worker = require 'runsmith.worker'
---
--- return worker.define {
---   starting = function(self)
---     self.server = assert(http.listen {
---       port = 0,
---       handler = function(_, response) return response:send 'here' end,
---     })
---     return 'run'
---   end,
---   running = function(self)
---     if not self.server:step() then return 'complete' end
---     return 'keepalive'
---   end,
---   terminating = function(self)
---     self.server:close(3)
---     return 'complete'
---   end,
--- }
--- ```

local M = {}

--- Serves. Handlers are `fn(request, response)`, each connection in a coroutine of its
--- own, so that they may wait; what one raises is logged, and answered with 500.
--- When the worker is asked to stop, no more connections are taken, and those on which
--- nothing is asked end.
--- @param options { host?: string, port?: integer, path?: string, backlog?: integer,
---   routes?: table<string, function>, handler?: function, limits?: std.http.Limits,
---   tls?: { cert: string, key: string } } path: of a Unix socket; handler: for
---   whatever no route is for
--- @return std.http.Server? server, string|std.Err? why
function M.listen(options)
  if type(options) ~= 'table' then
    error('http.listen takes a table, not a ' .. type(options), 2)
  end
  return require('std.http.server').listen(options)
end

--- A handler that answers with the files of a folder.
--- @param folder string
--- @param options? { index?: string, max_age?: integer }
function M.files(folder, options)
  return require('std.http.files').handler(folder, options)
end

--- Events for many clients.
--- @param options? { queue?: integer, replay?: integer }
--- @return std.http.Topic
function M.topic(options) return require('std.http.events').topic(options) end

--- Asks, and waits for the answer.
--- @param options std.http.Ask
--- @return std.http.Answer? answer, string|std.Err? why
function M.request(options) return require('std.http.client').request(options) end

local function with(method, url, options)
  local asked = { method = method, url = url }
  for key, value in pairs(options or {}) do
    asked[key] = value
  end
  return M.request(asked)
end

--- @param url string
--- @param options? std.http.Ask
--- @return std.http.Answer? answer, string|std.Err? why
function M.get(url, options) return with('GET', url, options) end

--- @param url string
--- @param body string
--- @param options? std.http.Ask
--- @return std.http.Answer? answer, string|std.Err? why
function M.post(url, body, options)
  local asked = { body = body }
  for key, value in pairs(options or {}) do
    asked[key] = value
  end
  return with('POST', url, asked)
end

return M
