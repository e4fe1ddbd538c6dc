package com.example.triple;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** An object with a nested list and a null, as hessian2 has a form of its own for each. */
public class Order implements Serializable {
    private static final long serialVersionUID = 1L;

    private String customer;
    private long number;
    private double total;
    private List<String> lines = new ArrayList<>();
    private Order previous;

    public String getCustomer() { return customer; }

    public void setCustomer(String customer) { this.customer = customer; }

    public long getNumber() { return number; }

    public void setNumber(long number) { this.number = number; }

    public double getTotal() { return total; }

    public void setTotal(double total) { this.total = total; }

    public List<String> getLines() { return lines; }

    public void setLines(List<String> lines) { this.lines = lines; }

    public Order getPrevious() { return previous; }

    public void setPrevious(Order previous) { this.previous = previous; }

    @Override
    public String toString() {
        return "Order{customer=" + customer + ", number=" + number + ", total=" + total + ", lines=" + lines
                + ", previous=" + previous + "}";
    }
}
