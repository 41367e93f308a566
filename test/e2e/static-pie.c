// A static-pie program.
// RUN: %clang -fhwckpt -O2 -static-pie %S/compute.c -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
