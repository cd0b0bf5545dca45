--- What the commands that talk to a running host share.
local client = require 'runsmith.client'
local json = require 'cjson'
local terminal = require 'cli.terminal'
local uv = require 'luv'

local M = {}

--- The option that each of them has.
M.SOCKET = { 'socket', 'PATH', 'which host; else $RUNSMITH_SOCKET, else the only one' }
M.JSON = { 'json', nil, 'for programs' }

--- Says what went wrong.
--- @param command string
--- @param err runsmith.client.Error
--- @return integer status 3 where there is no host, else 1
function M.complain(command, err)
  io.stderr:write(('runsmith %s: %s\n'):format(command, terminal.clean(tostring(err))))
  return err.code == 'no_host' and 3 or 1
end

--- A result, or what went wrong, as JSON.
--- @param raw? string
--- @param err? runsmith.client.Error
function M.print(raw, err)
  io.stdout:write(err and json.encode { ok = false, error = err } or raw, '\n')
end

--- Connects and calls `fn(client)`; what that returns is the exit status.
--- @param command string
--- @param given table
--- @param fn fun(client: runsmith.Client): integer
--- @return integer status
function M.with(command, given, fn)
  local host, err = client.connect(given.socket)
  local status = host and fn(host) or not host and M.complain(command, err)
  if host then host:close() end
  uv.run 'nowait' -- what was closed has to be gone before the Lua state is
  return status
end

--- One request, whose result goes to `show`, or as JSON to stdout.
--- @param command string
--- @param given table
--- @param fields table with `op`
--- @param show fun(result: any): integer?
--- @param await? fun(host, given, fields): any, any, string? makes the request instead
--- @return integer status
function M.request(command, given, fields, show, await)
  return M.with(command, given, function(host)
    local result, err, raw
    if await then result, err, raw = await(host, given, fields)
    else result, err, raw = host:request(fields.op, fields) end
    if given.json then M.print(raw, err) end
    if err then return M.complain(command, err) end
    return given.json and 0 or show(result) or 0
  end)
end

return M
