--- From a method and a path to a handler: 'GET /items/:id', 'GET /static/*'. A path
--- without either is found in one look; of the others the more exact comes first.

local url = require 'std.http.url'

local M = {}

--- @class std.http.Router
--- @field private exact table<string, table<string, function>> path → method → handler
--- @field private patterns table[]
local Router = {}
Router.__index = Router

local function segments(path)
  local list = {}
  for each in path:gmatch '/([^/]*)' do
    list[#list + 1] = each
  end
  return list
end

local function rank(segment)
  local first = segment and segment:sub(1, 1)
  if first == ':' then return 2 end
  if first == '*' then return 3 end
  return 1
end

local function before(a, b)
  for i = 1, math.max(#a.segments, #b.segments) do
    local one, other = a.segments[i], b.segments[i]
    local by = rank(one) - rank(other)
    if by ~= 0 then return by < 0 end
    if one ~= other then return (one or '') > (other or '') end
  end
  return a.method < b.method
end

local function add(self, key, handler)
  local method, path = tostring(key):match '^(%u+) (/%S*)$'
  if not method or type(handler) ~= 'function' then
    local text = "http: a route is ['GET /path'] = function, not [%q] = a %s"
    error(text:format(tostring(key), type(handler)), 4)
  end
  if not path:find '[:*]' then
    self.exact[path] = self.exact[path] or {}
    self.exact[path][method] = handler
    return
  end
  local list = segments(path)
  for i, each in ipairs(list) do
    if rank(each) == 3 and (each ~= '*' or i < #list) then
      error(('http: %q: a * is the last part of a path'):format(key), 4)
    end
  end
  self.patterns[#self.patterns + 1] =
    { method = method, segments = list, handler = handler }
end

--- @param routes table<string, function>
--- @return std.http.Router
function M.new(routes)
  local self = setmetatable({ exact = {}, patterns = {} }, Router)
  for key, handler in pairs(routes) do
    add(self, key, handler)
  end
  table.sort(self.patterns, before)
  return self
end

local function match(pattern, parts)
  local params = {}
  for i, segment in ipairs(pattern) do
    local kind, part = rank(segment), parts[i]
    if kind == 3 and part then
      params['*'] = table.concat(parts, '/', i)
      return params
    end
    if not part or kind == 1 and part ~= segment then return nil end
    if kind == 2 then
      local plain = url.decode(part)
      if not plain or plain == '' then return nil end
      params[segment:sub(2)] = plain
    end
  end
  return #parts == #pattern and params or nil
end

local function of_method(methods, method)
  return methods[method] or method == 'HEAD' and methods.GET
end

local NONE = {}

--- @param method string
--- @param path string
--- @return function? handler, table params_or_allowed parts of the path; what methods
---   there would be
function Router:find(method, path)
  local exact = self.exact[path]
  local handler = exact and of_method(exact, method)
  if handler then return handler, NONE end
  local allowed = {}
  for each in pairs(exact or NONE) do
    allowed[#allowed + 1] = each
  end
  local parts = self.patterns[1] and segments(path)
  for _, pattern in ipairs(self.patterns) do
    local params = match(pattern.segments, parts)
    if params then
      if of_method({ [pattern.method] = true }, method) then
        return pattern.handler, params
      end
      if not exact or not exact[pattern.method] then
        allowed[#allowed + 1] = pattern.method
      end
    end
  end
  table.sort(allowed)
  return nil, allowed
end

return M
