# many-macros.py - a response file with -fhwckpt and 6 MB of other options.
print("-fhwckpt")
for i in range(3000):
    print(f'-DMACRO_{i}="{"x" * 2000}"')
