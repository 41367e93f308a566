unsigned number_of_library(void);
unsigned number_of_library(void) { return NUMBER; }
