package com.example.sofarpc;

import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** An argument with a field of each kind that hessian writes in its own way. */
public class Order implements Serializable {
    private static final long serialVersionUID = 1;

    private long id;
    private String customer;
    private BigDecimal total;
    private double discount;
    private boolean paid;
    private Date placed;
    private byte[] signature;
    private List<Line> lines;
    private Map<String, List<Line>> parcels;
    private Map<String, Map<String, Integer>> stock;
    private Object nothing;

    /** A filled order. One line is also in a parcel, for which hessian writes a reference to the first one. */
    static Order sample(long id) {
        Order order = new Order();
        order.id = id;
        order.customer = "Zo\u00eb \u8a02\u55ae";
        order.total = new BigDecimal("12345678901234567890.0123456789");
        order.discount = -0.1;
        order.paid = true;
        order.placed = new Date(1_700_000_000_123L);
        order.signature = new byte[70_000];
        for (int i = 0; i < order.signature.length; i++) {
            order.signature[i] = (byte) i;
        }
        order.lines = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            order.lines.add(new Line("item-" + i, i * 1_000_000));
        }
        order.parcels = new HashMap<>();
        order.parcels.put("first", new ArrayList<>(List.of(order.lines.get(19), new Line("gift", -1))));
        order.parcels.put("empty", new ArrayList<>());
        order.stock = new HashMap<>();
        order.stock.put("north", new HashMap<>(Map.of("item-0", Integer.MIN_VALUE, "item-1", Integer.MAX_VALUE)));
        return order;
    }

    String customer() {
        return customer;
    }

    private List<Object> fields() {
        List<Object> fields = new ArrayList<>();
        fields.add(id);
        fields.add(customer);
        fields.add(total);
        fields.add(discount);
        fields.add(paid);
        fields.add(placed);
        fields.add(signature == null ? null : ByteBuffer.wrap(signature));
        fields.add(lines);
        fields.add(parcels);
        fields.add(stock);
        fields.add(nothing);
        return fields;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Order order && fields().equals(order.fields());
    }

    @Override
    public int hashCode() {
        return fields().hashCode();
    }

    @Override
    public String toString() {
        return "Order" + fields();
    }

    /** One line of an order. */
    public static class Line implements Serializable {
        private static final long serialVersionUID = 1;

        private String item;
        private int amount;

        Line(String item, int amount) {
            this.item = item;
            this.amount = amount;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Line line && item.equals(line.item) && amount == line.amount;
        }

        @Override
        public int hashCode() {
            return Objects.hash(item, amount);
        }

        @Override
        public String toString() {
            return amount + " x " + item;
        }
    }
}
