std = 'luajit'
max_line_length = 88
self = false -- a lifecycle's functions take self whether or not they use it
unused_args = false
files['spec'] = { std = '+busted' }
files['examples/**/*_spec.lua'] = { std = '+busted' }
exclude_files = { 'build', 'build-*' }
