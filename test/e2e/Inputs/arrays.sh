# arrays.sh TIMES - sieves primes and counts them in arrays, all in the shell
# itself.
limit=60000
declare -a composite
declare -A endings
for ((i = 2; i <= limit; i++)); do
  [[ ${composite[i]} ]] && continue
  ((endings[$((i % 10))]++))
  last=$i
  for ((k = i * i; k <= limit; k += i)); do
    composite[k]=1
  done
done
sum=0
for ((i = 0; i < 200000 * $1; i++)); do
  ((sum = (sum * 31 + i + ${endings[$((i % 10))]:-0}) % 1000003))
done
echo "last $last sum $sum"
for digit in 1 2 3 5 7 9; do
  echo "ending in $digit: ${endings[$digit]}"
done
