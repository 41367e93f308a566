// A static program.
// RUN: %clang -fhwckpt -O2 -static %S/compute.c -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
