package demo;

import java.io.Serializable;
import java.math.BigDecimal;
import java.time.LocalDateTime;
import java.util.Date;
import java.util.List;
import java.util.Map;

/** The service that the frames call. */
public interface Api {
    enum Color { RED, GREEN }

    class Item implements Serializable {
        public String name;
        public int count;
        public Item next;
        public List<Item> parts;
        public Map<String, Object> props;

        public Item() {}

        public Item(String name, int count) {
            this.name = name;
            this.count = count;
        }

        @Override
        public String toString() {
            return "Item(" + name + "," + count + ")";
        }
    }

    String sayHello(String name);

    void nothing();

    List<Item> items(List<Item> items, Item first);

    Object mixed(byte[] bytes, Date date, double real, long big, Integer none, int[] ints, String[] words,
            List<Item> items, Map<String, Item> map, Item item, Color color, BigDecimal decimal, LocalDateTime when,
            boolean flag);
}
