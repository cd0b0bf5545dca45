-- The example in each library module's comment runs, in each backend.

local assert = require 'luassert'
local files = require 'tidy.files'
local harness = require 'host.support.harness'

local BACKENDS = { 'coroutine', 'thread', 'process' }

-- The code in a file's first comment.
local function example_of(path)
  local comment = files.read(path):match '^(%-%-%-.-)\n[^%-]'
  local code = comment and (comment .. '\n'):match '%-%-%- ```lua\n(.-)%-%-%- ```\n'
  return code and (code:gsub('%-%-%- ?([^\n]*\n)', '%1'))
end

local found = {}
for _, path in ipairs(files.named '^stdlib/std/[%w_]+%.lua$') do
  local code = example_of(path)
  local name = path:match '([%w_]+)%.lua$'
  if code then found[#found + 1] = { name = name, code = code } end
end

local function tree()
  local parts = { "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n",
    "  rs.channel 'frames' {},\n" }
  for _, example in ipairs(found) do
    for _, backend in ipairs(BACKENDS) do
      local worker = "  rs.worker '%s_%s' { backend = '%s', restart = 'temporary',\n"
        .. "    run = function(ctx) return require 'example_%s' (ctx) end },\n"
      parts[#parts + 1] = worker:format(example.name, backend, backend, example.name)
    end
  end
  return table.concat(parts) .. '}\n'
end

describe('the example of', function()
  local host, ended = nil, {}

  setup(function()
    local all = { ['tree.lua'] = tree() }
    for _, example in ipairs(found) do
      local text = 'return function(ctx)\n' .. example.code .. 'end\n'
      all[('example_%s.lua'):format(example.name)] = text
    end
    host = harness.start { files = all }
    host:wait_end()
    for _, entry in ipairs(host:all { kind = 'exited' }) do
      ended[entry.unit] = entry
    end
  end)

  teardown(function()
    local left = host:left_over()
    host:release()
    harness.sweep()
    assert.same({}, left)
  end)

  it('is there for each module', function()
    local names = {}
    for _, example in ipairs(found) do
      names[example.name] = true
    end
    local all = {
      'time', 'log', 'json', 'fs', 'process', 'cron', 'channel', 'net', 'http', 'task',
    }
    for _, name in ipairs(all) do
      assert.is_true(names[name], name)
    end
  end)

  for _, example in ipairs(found) do
    for _, backend in ipairs(BACKENDS) do
      it(('std.%s runs as a %s'):format(example.name, backend), function()
        local entry = ended[('plant/%s_%s'):format(example.name, backend)]
        assert.equal('ok', entry and entry.reason, host:tail())
      end)
    end
  end
end)
