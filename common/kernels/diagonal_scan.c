/* The diagonal recurrence x_k = a x_{k-1} + g_k over a tile of rows, and its adjoint, in one pass.

   A row holds the real parts of all states, then at `imaginary` the imaginary parts, so that both
   are plain vectors. Time runs in sequence, states side by side in one vector register. Callers run
   several tiles at once on threads of their own.

   Compiled with -DREAL=float or -DREAL=double. No header: nothing but a C compiler is needed. */

#define LANES ((long)(64 / sizeof(REAL)))
#define AHEAD 32 /* rows: strided columns are beyond what hardware prefetches well */
typedef REAL vec __attribute__((vector_size(64)));

struct job {
    const REAL *decay;    /* a: 2 x state, real parts first */
    const REAL *inputs;   /* g: first row in the order of the recurrence */
    REAL *outputs;        /* x; may be the inputs */
    const REAL *added;    /* NULL, or rows that are added to what is written (not to the state) */
    const REAL *factors;  /* NULL, or the rows whose product with x is summed */
    double *sums;         /* 2 state: += sum_k x_k factors_k, over all sequences */
    REAL *carry;          /* sequences x 2 state: the state before the tile, then after it */
    long state, sequences, steps;
    long products;        /* steps that have a factor: steps, or one less at the sequence's end */
    long imaginary;       /* offset of imaginary parts in a row */
    long row, factor_row; /* from one step to the next; negative against time */
    long sequence, factor_sequence;
    long fresh;           /* the state before the tile is zero, whatever `carry` says */
};

static inline __attribute__((always_inline)) vec load(const REAL *from, long lanes) {
    vec v = {0};
    __builtin_memcpy(&v, from, lanes * sizeof(REAL));
    return v;
}

static inline __attribute__((always_inline)) void store(REAL *to, vec v, long lanes) {
    __builtin_memcpy(to, &v, lanes * sizeof(REAL));
}

static inline __attribute__((always_inline)) void run(
    const struct job *job, long sequence, long first, long lanes, int has_factors, int has_added
) {
    const long imaginary = job->imaginary, row = job->row;
    const vec ar = load(job->decay + first, lanes);
    const vec ai = load(job->decay + job->state + first, lanes);
    REAL *carry = job->carry + sequence * 2 * job->state + first;
    vec xr = {0}, xi = {0}, sum_r = {0}, sum_i = {0};
    if (!job->fresh) {
        xr = load(carry, lanes);
        xi = load(carry + job->state, lanes);
    }
    const long start = sequence * job->sequence + first;
    const REAL *input = job->inputs + start;
    REAL *output = job->outputs + start;
    const REAL *added = has_added ? job->added + start : 0;
    const REAL *factor = has_factors ? job->factors + sequence * job->factor_sequence + first : 0;
    for (long step = 0; step < job->steps; step++) {
        __builtin_prefetch(input + AHEAD * row, 1);
        __builtin_prefetch(input + AHEAD * row + imaginary, 1);
        if (has_factors) {
            __builtin_prefetch(factor + AHEAD * job->factor_row);
            __builtin_prefetch(factor + AHEAD * job->factor_row + imaginary);
        }
        if (has_added) {
            __builtin_prefetch(added + AHEAD * row, 1);
            __builtin_prefetch(added + AHEAD * row + imaginary, 1);
        }
        const vec gr = load(input, lanes), gi = load(input + imaginary, lanes);
        const vec yr = (gr - ai * xi) + ar * xr;
        xi = (gi + ai * xr) + ar * xi;
        xr = yr;
        if (has_factors && step < job->products) {
            const vec fr = load(factor, lanes), fi = load(factor + imaginary, lanes);
            sum_r += xr * fr - xi * fi;
            sum_i += xr * fi + xi * fr;
            factor += job->factor_row;
        }
        if (has_added) {
            store(output, xr + load(added, lanes), lanes);
            store(output + imaginary, xi + load(added + imaginary, lanes), lanes);
            added += row;
        } else {
            store(output, xr, lanes);
            store(output + imaginary, xi, lanes);
        }
        input += row;
        output += row;
    }
    store(carry, xr, lanes);
    store(carry + job->state, xi, lanes);
    if (has_factors) {
        /* A tile's sum in single precision, the sum of tiles in double. */
        double *sums = job->sums + first;
        for (long lane = 0; lane < lanes; lane++) {
            sums[lane] += sum_r[lane];
            sums[job->state + lane] += sum_i[lane];
        }
    }
}

static inline __attribute__((always_inline)) void variant(
    const struct job *job, long sequence, long first, long lanes
) {
    if (!job->factors) run(job, sequence, first, lanes, 0, 0);
    else if (!job->added) run(job, sequence, first, lanes, 1, 0);
    else run(job, sequence, first, lanes, 1, 1);
}

void structlab_scan(const struct job *job) {
    for (long sequence = 0; sequence < job->sequences; sequence++) {
        long first = 0;
        /* A width known to the compiler turns the copies of `load` into single instructions. */
        for (; first + LANES <= job->state; first += LANES) variant(job, sequence, first, LANES);
        const long left = job->state - first;
#define PIECE(width) \
        if (width < LANES && left & width) { \
            variant(job, sequence, first, width); \
            first += width; \
        }
        PIECE(8) PIECE(4) PIECE(2) PIECE(1)
    }
}
