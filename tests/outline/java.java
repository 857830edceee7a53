package org.example;

import java.util.*;

/**
 * class Fake {
 */
@Entity(name = "users")
public abstract class User<T extends Comparable<T>> extends Base implements Runnable {
    private static final Logger LOG = Logger.get("class X {");
    public static final int MAX = 3;
    private Map<String, List<T>> cache = new HashMap<>();
    private final Runnable task = new Runnable() {
        @Override
        public void run() { LOG.info("}"); }
    };

    static { LOG.info("loaded"); }

    public User(String name) throws IOException {
        super(name);
    }

    @Override public synchronized void run() {
        for (int i = 0; i < MAX; i++) { call(i); }
        List<String> x = items.stream().map(s -> { return s; }).toList();
        String block = """
            void inText() {
            """;
    }

    protected abstract <K> Map<K, ? super T> group(
            @NotNull K key,
            int... values) throws Exception;

    enum Level {
        LOW(1), HIGH(2) {
            @Override int weight() { return 9; }
        };
        Level(int w) { }
        int weight() { return 0; }
    }

    @interface Marker { String value() default ""; }
    record Pair<A, B>(A a, B b) { }
}

interface Visitor<R> {
    R visit(Node n);
    default R fallback(Node n) { return null; }
}

class Bounded {
    public Comparator<? super String> comparator() { return null; }
    void lock() { }
    boolean delete() { return true; }
    private static final List<? super String> ALL = null;
    Diff<String[]> diff() {
        return new Diff<String[]>("name") {
            @Override public String[] getLeft() { return null; }
        };
    }
}
