-- Includes and requires point one way; what a layer may not touch, it does not.

local assert = require 'luassert'
local files = require 'tidy.files'

-- Folder under host/ → folders whose headers it may include, besides its own.
local BELOW = {
  abi = {},
  core = { abi = true },
  shm = { abi = true, core = true },
  engine = { abi = true, core = true, shm = true },
  runner = { abi = true, core = true, shm = true },
  witness = {},
}

-- Folder under host/engine/ → its sisters whose headers it may include, besides its own
-- and the layers below; the others meet in engine/state.h and know each other.
local WITHIN_ENGINE = { base = {}, process = { base = true } }

local function layer_of(path) return path:match '^host/([^/]+)/' or 'main' end

-- The path that an include names, seen from the file that has it.
local function resolve(from, name)
  local path = from:match '^(.*/)' .. name
  repeat
    local shorter = path:gsub('[^/]+/%.%./', '', 1)
    local same = shorter == path
    path = shorter
  until same
  return path
end

local function empty(list) assert.equal('', table.concat(list, '\n')) end

describe('the layers', function()
  it('include what is below them alone', function()
    local wrong = {}
    files.each_line('^host/.*%.[ch]$', function(path, number, line)
      local name = line:match '^%s*#%s*include%s*"([^"]+)"'
      local here = layer_of(path)
      if not name or here == 'main' then return end
      local there = layer_of(resolve(path, name))
      if there ~= here and not (BELOW[here] and BELOW[here][there]) then
        wrong[#wrong + 1] = ('%s:%d: %s includes %s'):format(path, number, here, there)
      end
    end)
    empty(wrong)
  end)

  it('within the engine have two folders that know no unit', function()
    local wrong, seen = {}, {}
    files.each_line('^host/engine/%a+/.*%.[ch]$', function(path, number, line)
      local name = line:match '^%s*#%s*include%s*"([^"]+)"'
      local here = path:match '^host/engine/(%a+)/'
      local allowed = WITHIN_ENGINE[here]
      if not name or not allowed then return end
      seen[here] = true
      local target = resolve(path, name)
      local there = target:match '^host/engine/(%a+)/' or 'engine'
      if layer_of(target) == 'engine' and there ~= here and not allowed[there] then
        wrong[#wrong + 1] = ('%s:%d: %s includes %s'):format(path, number, here, there)
      end
    end)
    assert.same({ base = true, process = true }, seen)
    empty(wrong)
  end)

  it('keep libuv to engine and runner, Lua to runner and main', function()
    empty(files.grep('^host/.*%.[ch]$', '#%s*include%s*<uv%.h', function(path)
      return path:find '^host/engine/' or path:find '^host/runner/'
    end))
    local lua = '#%s*include%s*<l[ua][aux].*%.h'
    empty(files.grep('^host/.*%.[ch]$', lua, function(path)
      return path:find '^host/runner/' or path:find '^host/main%.c'
        or path == 'host/cmake/embed.c' -- the build's own tool
    end))
  end)

  it('leave the core without I/O, clock and heap', function()
    local banned = {
      'uv%.h', 'lua%.h', '[^%w_]time%.h', 'stdio%.h', 'unistd%.h', 'errno%.h',
      '[^%w_]malloc%(', '[^%w_]calloc%(', '[^%w_]realloc%(', '[^%w_]free%(',
      'pthread', 'sys/',
    }
    for _, pattern in ipairs(banned) do
      empty(files.grep('^host/core/.*%.[ch]$', pattern))
    end
  end)

  it('have one place that says ffi.cdef', function()
    empty(files.grep('^[ls].*%.lua$', 'ffi%.cdef', function(path)
      return path == 'lua/runsmith/abi.lua' or path:find '^spec/'
    end))
  end)

  it('let the framework require neither cli nor std, but for its probes', function()
    local ours = '^lua/runsmith/.*%.lua$'
    empty(files.grep(ours, "require%s*%(?%s*['\"]cli"))
    empty(files.grep(ours, "require%s*%(?%s*['\"]std%.", function(path)
      return path:find '^lua/runsmith/probe' ~= nil
    end))
  end)

  it('leave the core archive needing nothing but what C itself provides', function()
    local build = os.getenv 'RS_BUILD' or 'build/release'
    local allowed = {
      memcpy = true, memmove = true, memset = true, memcmp = true, memchr = true,
      strlen = true, abort = true,
    }
    local defined, needed = {}, {}
    local listing = files.lines_of('nm ' .. build .. '/librs_core.a 2>/dev/null')
    for _, line in ipairs(listing) do
      local kind, name = line:match '(%a) ([%w_.]+)$'
      if kind == 'U' then
        needed[name] = true
      elseif kind then
        defined[name] = true
      end
    end
    assert.truthy(next(defined), 'no archive in ' .. build)
    local wrong = {}
    for name in pairs(needed) do
      local tool = name:find '^__asan' or name:find '^__ubsan' or name:find '^__tsan'
        or name:find '^__sanitizer' or name == '_GLOBAL_OFFSET_TABLE_'
        or name:find '^__stack_chk'
      if not defined[name] and not allowed[name] and not tool then
        wrong[#wrong + 1] = name
      end
    end
    table.sort(wrong)
    empty(wrong)
  end)
end)
