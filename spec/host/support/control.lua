-- control.lua -- clients of a host's control socket, for its specs: one that speaks
-- line by line, and the command line itself.

local ffi = require 'ffi'
local harness = require 'host.support.harness'
local json = require 'cjson'
local posix = require 'host.support.posix'

ffi.cdef [[
typedef struct rs_spec_sockaddr { uint16_t family; char path[108]; } rs_spec_sockaddr;
int socket(int domain, int type, int protocol);
int connect(int fd, const rs_spec_sockaddr *address, unsigned size);
long send(int fd, const void *bytes, size_t size, int flags);
]]

local C = ffi.C
local M = {}

local UNIX, STREAM, NOSIGNAL, PATIENCE = 1, 0x80001, 0x4000, 20

--- @class runsmith.spec.Client
local Client = {}
Client.__index = Client

--- The socket of a host whose root is `plant`.
function M.path(host) return host.dir .. '/run/runsmith/plant.sock' end

--- @return runsmith.spec.Client? or nil where nobody listens
function M.connect(path)
  local fd = C.socket(UNIX, STREAM, 0)
  local address = ffi.new('rs_spec_sockaddr', { family = UNIX, path = path })
  if C.connect(fd, address, ffi.sizeof(address)) ~= 0 then
    posix.close(fd)
    return nil
  end
  return setmetatable({ fd = fd, rest = '' }, Client)
end

function M.open(host) return assert(M.connect(M.path(host))) end

--- @return integer bytes sent; -1
function Client:send(text) return tonumber(C.send(self.fd, text, #text, NOSIGNAL)) end

--- The next line; nil at the end, or after so many seconds.
function Client:line(seconds)
  local by = posix.now() + (seconds or PATIENCE)
  while true do
    local line, after = self.rest:match '^([^\n]*)\n()'
    if line then
      self.rest = self.rest:sub(after)
      return line
    end
    local left = by - posix.now()
    if left <= 0 or not posix.wait_readable(self.fd, left) then return nil end
    local ok, bytes = pcall(posix.read, self.fd)
    if not ok or bytes == '' then return nil end
    self.rest = self.rest .. (bytes or '')
  end
end

function Client:object(seconds)
  local line = self:line(seconds)
  return line and json.decode(line)
end

--- Asks, and gives the first line that has `ok`.
function Client:ask(request)
  self:send(json.encode(request) .. '\n')
  while true do
    local object = assert(self:object(), 'no answer')
    if object.ok ~= nil then return object end
  end
end

--- True once the host has closed the connection.
function Client:ended()
  while self:line() do
  end
  local by = posix.now() + PATIENCE
  while posix.now() < by do
    if not posix.wait_readable(self.fd, 1) then return false end
    local ok, bytes = pcall(posix.read, self.fd)
    if not ok or bytes == '' then return true end
  end
  return false
end

function Client:close() posix.close(self.fd) end

--- One request on a connection of its own.
function M.ask(host, request)
  local client = M.open(host)
  local answer = client:ask(request)
  client:close()
  return answer
end

--- Runs a command of the command line against a host. It is named: there may be others
--- on the machine.
--- @return integer status, string stdout, string stderr
function M.run(host, ...)
  return M.run_in(("RUNSMITH_SOCKET='%s'"):format(M.path(host)), host, ...)
end

--- ... with more of an environment, and no other RUNSMITH_SOCKET.
function M.run_in(environment, host, ...)
  local path = posix.scratch()
  local program = os.getenv 'RUNSMITH' or 'build/release/runsmith'
  local words = {}
  for _, word in ipairs { ... } do
    words[#words + 1] = "'" .. word:gsub("'", "'\\''") .. "'"
  end
  local status = os.execute(
    ("env RUNSMITH_SOCKET='%s' XDG_RUNTIME_DIR='%s/run' NO_COLOR=1 %s '%s' %s "
      .. '>%s/o 2>%s/e')
      :format(M.path(host), host.dir, environment, program, table.concat(words, ' '),
        path, path))
  local out, err = posix.slurp(path .. '/o'), posix.slurp(path .. '/e')
  os.execute(("rm -rf '%s'"):format(path))
  return status / 256, out, err
end

--- A host with this tree, once its root is ready.
function M.start(files, args)
  local host = harness.start { files = files, args = args }
  return host, host:wait_for { kind = 'ready', unit = 'plant' }
end

return M
